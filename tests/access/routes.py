"""Every address that the URLconf answers, found by walking it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

# "agents/<str:agent_id>" holds the parameter agent_id of an agent.
PARAMETER = re.compile(r"(?:(\w+)/)?<(?:\w+:)?(\w+)>")
NAMED_GROUP = re.compile(r"\(\?P(<\w+>)(?:[^()]|\([^()]*\))*\)")


@dataclass(frozen=True, slots=True)
class Route:
    """One pattern, written as `path()` takes it, and what it calls."""

    pattern: str
    view: Callable[..., Any]

    @property
    def has_parameters(self) -> bool:
        return "<" in self.pattern

    def address(self, objects: Mapping[str, str]) -> str:
        """Return an address of this route.

        A parameter is looked up as "segment.name" ("functions.name"), then by name.
        """

        def filled(found: re.Match[str]) -> str:
            segment, name = found[1], found[2]
            value = objects.get(f"{segment}.{name}") or objects[name]
            return f"{segment}/{value}" if segment else value

        return "/" + PARAMETER.sub(filled, self.pattern)


def openapi_path(pattern: str) -> str:
    """Return a route's path as OpenAPI writes it: agents/<str:id> is /agents/{id}."""

    def braced(found: re.Match[str]) -> str:
        segment, name = found[1], found[2]
        return f"{segment}/{{{name}}}" if segment else f"{{{name}}}"

    return f"/{PARAMETER.sub(braced, pattern)}"


@cache
def all_routes() -> Mapping[str, Route]:
    """Return every route by its pattern, in the URLconf's order."""
    found = _walk(get_resolver().url_patterns, "")
    return {route.pattern: route for route in found}


def _walk(entries: Iterable[Any], prefix: str) -> Iterator[Route]:
    for entry in entries:
        pattern = prefix + NAMED_GROUP.sub(r"\1", str(entry.pattern)).strip("^$")
        if isinstance(entry, URLResolver):
            yield from _walk(entry.url_patterns, pattern)
        elif isinstance(entry, URLPattern):
            yield Route(pattern, entry.callback)
