"""Every answer of the API that a test gets is one that docs/openapi.yaml declares."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache, wraps
from typing import Any
from unittest import mock

import pytest
import yaml
from django.test import Client
from django.urls import Resolver404, resolve
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.access.routes import openapi_path
from tests.house.source import ROOT

CODE = re.compile(r"`(\w+)`")
DOCUMENT = "urn:openapi"


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
            fault = _fault(method, path, response)
            assert fault is None, f"docs/openapi.yaml has no {fault} of {method} {path}"
        return response

    return checked


def _fault(method: str, path: str, response: Any) -> str | None:
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
    status, media = response.status_code, response.get("Content-Type", "")
    answer = operation["responses"].get(str(status))
    if answer is None:
        return str(status)
    contents = _resolved(answer).get("content", {"": {}})
    content = contents.get(media.partition(";")[0])
    if content is None:
        return f"{status} as {media}"
    if method == "HEAD" or "json" not in media:
        return None
    body = json.loads(response.content)
    codes = CODE.findall(answer.get("description", ""))
    if codes and body["code"] not in codes:
        return f"{status} {body['code']}"
    error = best_match(_validator(content["schema"]).iter_errors(body))
    return error and f"{status} with {error.message} at {error.json_path}"


def _resolved(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    name = answer.get("$ref", "").rpartition("/")[2]
    return document()["components"]["responses"][name] if name else answer


@cache
def _registry() -> Any:
    resource = DRAFT202012.create_resource(document())
    return Registry().with_resource(DOCUMENT, resource)


def _validator(schema: Mapping[str, Any]) -> Any:
    return Draft202012Validator(schema, registry=_registry())


@cache
def document() -> Mapping[str, Any]:
    """Return docs/openapi.yaml, its schemas as JSON Schema has them today."""
    text = (ROOT / "docs" / "openapi.yaml").read_text()
    return _as_of_today(yaml.load(text, yaml.CSafeLoader))


def _as_of_today(node: Any) -> Any:
    """Write null as JSON Schema does today, and references with their document."""
    if isinstance(node, list):
        return [_as_of_today(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {name: _as_of_today(value) for name, value in node.items()}
    if found.get("$ref", "").startswith("#/components/schemas/"):
        found["$ref"] = DOCUMENT + found["$ref"]
    if found.pop("nullable", False) is True:
        return {"anyOf": [found, {"type": "null"}]}
    return found
