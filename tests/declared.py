"""Every answer of the API that a test gets is one that docs/openapi.yaml declares."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache, wraps
from typing import Any
from unittest import mock

import pytest
import yaml
from django.test import Client
from django.urls import Resolver404, resolve
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.access.routes import openapi_path
from tests.house.source import ROOT

CODE = re.compile(r"`(\w+)`")
DOCUMENT = "urn:openapi"
FORMATS = FormatChecker(formats=())


@pytest.fixture(autouse=True, scope="session")
def answers_are_declared() -> Iterator[None]:
    """Fail a test whose client gets an answer of the API that is not declared."""
    with mock.patch.object(Client, "request", _checked(Client.request)):
        yield


def _checked(request: Any) -> Any:
    @wraps(request)
    def checked(client: Client, **environ: Any) -> Any:
        response = request(client, **environ)
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path.startswith("/api/v1/"):
            media = response.get("Content-Type", "")
            check(method, path, response.status_code, media, response.getvalue)
        return response

    return checked


def check(
    method: str, path: str, status: int, media: str, content: Callable[[], bytes]
) -> None:
    """Fail for an answer that docs/openapi.yaml does not declare."""
    fault = _fault(method, path, status, media, content)
    assert fault is None, f"docs/openapi.yaml has no {fault} of {method} {path}"


def _fault(
    method: str, path: str, status: int, media: str, content: Callable[[], bytes]
) -> str | None:
    """Return what the document does not have of an answer, or None.

    It has no HEAD, which is as GET, and no method that a route has not (405).
    """
    try:
        operations = document()["paths"].get(openapi_path(resolve(path).route), {})
    except Resolver404:
        return None
    operation = operations.get("get" if method == "HEAD" else method.lower())
    if operation is None:
        return None
    answer = operation["responses"].get(str(status))
    if answer is None:
        return str(status)
    shapes = _resolved(answer).get("content", {"": {}})
    shape = shapes.get(media.partition(";")[0])
    if shape is None:
        return f"{status} as {media}"
    if method == "HEAD" or "json" not in media:
        return None
    body = json.loads(content())
    codes = CODE.findall(answer.get("description", ""))
    if codes and body["code"] not in codes:
        return f"{status} {body['code']}"
    error = best_match(_validator(shape["schema"]).iter_errors(body))
    return error and f"{status} with {error.message} at {error.json_path}"


def _resolved(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    name = answer.get("$ref", "").rpartition("/")[2]
    return document()["components"]["responses"][name] if name else answer


@cache
def _registry() -> Any:
    resource = DRAFT202012.create_resource(document())
    return Registry().with_resource(DOCUMENT, resource)


def _validator(schema: Mapping[str, Any]) -> Any:
    return Draft202012Validator(schema, registry=_registry(), format_checker=FORMATS)


@FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.fromisoformat(value).tzinfo)


@cache
def document() -> Mapping[str, Any]:
    """Return docs/openapi.yaml, in which an object has no more than its properties."""
    text = (ROOT / "docs" / "openapi.yaml").read_text()
    return _closed(yaml.load(text, yaml.CSafeLoader))


def _closed(node: Any) -> Any:
    """Close objects that have properties, and name references with their document."""
    if isinstance(node, list):
        return [_closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {name: _closed(value) for name, value in node.items()}
    if found.get("$ref", "").startswith("#/components/schemas/"):
        found["$ref"] = DOCUMENT + found["$ref"]
    if found.get("type") == "object" and "properties" in found:
        found.setdefault("additionalProperties", False)
    return found
