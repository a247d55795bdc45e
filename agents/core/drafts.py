"""How the parts of a draft policy are read: what a value is refused for, and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol


class Refused(Exception):
    """A value of a draft is not what its field takes; `code` says why."""

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail


class Reader(Protocol):
    """What policy_draft's reader offers."""

    def refuse(self, pointer: str, code: str, detail: str) -> None: ...
    def read(
        self, name: str, parse: Callable[[object], Any], default: object = None
    ) -> Any: ...
    def read_list(
        self,
        name: str,
        parse: Callable[[object], tuple[str, str]],
        *,
        null_is_any: bool = True,
        default: tuple[str, ...] | None = None,
    ) -> tuple[str, ...] | None: ...
    def parsed(
        self, pointer: str, parse: Callable[[object], Any], value: object
    ) -> Any: ...


def pointer_to(name: object) -> str:
    """Return the part of a pointer that names a field. Source: RFC 6901."""
    return "/" + str(name).replace("~", "~0").replace("/", "~1")


def text_of(value: object) -> str:
    """Return a text, or refuse anything else."""
    if not isinstance(value, str):
        raise Refused("not_a_text", "Write a text.")
    return value


def list_of(value: object, most: int, things: str) -> Sequence[object]:
    """Return a list of at most so many things, or refuse anything else."""
    if not isinstance(value, list | tuple):
        raise Refused("not_a_list", f"Write a list of {things}, if an empty one.")
    if len(value) > most:
        raise Refused("too_many", f"Write at most {most} {things}.")
    return value
