"""No input takes a value of another JSON type for one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import get_resolver
from rest_framework import serializers

from agents.api.policies import ApprovalLevelInput, PolicyInput
from audit.serializers import (
    ArrayField,
    ObjectField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictSerializer,
)

STRICT = {
    serializers.CharField: StrictCharField,
    serializers.IntegerField: StrictIntegerField,
    serializers.BooleanField: StrictBooleanField,
    serializers.DictField: ObjectField,
    serializers.ListField: ArrayField,
}
# Read by agents.core.policy_draft, field by field; these describe it.
DESCRIPTIONS = {PolicyInput, ApprovalLevelInput}


def inputs() -> list[type[StrictSerializer]]:
    """All that are read from a body: a query has nothing but texts."""
    assert get_resolver().url_patterns  # Whoever has a route is imported then.
    found, todo = set(), [StrictSerializer]
    while todo:
        kinds = todo.pop().__subclasses__()
        found.update(kinds)
        todo.extend(kinds)
    bodies = {kind for kind in found if not kind.__name__.endswith("Query")}
    return sorted(bodies - DESCRIPTIONS, key=lambda kind: kind.__name__)


def fields_in(field: Any) -> Iterator[serializers.Field[Any, Any, Any, Any]]:
    yield field
    if child := getattr(field, "child", None):
        yield from fields_in(child)


def test_the_inputs_are_found():
    assert len(inputs()) > 20


@pytest.mark.parametrize("kind", inputs(), ids=lambda kind: kind.__name__)
def test_every_field_of_a_body_is_strict(kind):
    loose = [
        name
        for name, declared in kind().fields.items()
        for field in fields_in(declared)
        for base, strict in STRICT.items()
        if isinstance(field, base) and not isinstance(field, strict)
    ]

    assert loose == []
