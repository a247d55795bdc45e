"""No input takes a value of another JSON type for one of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import get_resolver
from rest_framework import serializers

from agents.policy.serializers import ApprovalLevelInput, PolicyInput
from audit.base.serializers import (
    ArrayField,
    ObjectField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictInstantField,
    StrictIntegerField,
    StrictSerializer,
)
from tests.house.source import APPS, ROOT, python_files

STRICT = {
    serializers.CharField: StrictCharField,
    serializers.IntegerField: StrictIntegerField,
    serializers.BooleanField: StrictBooleanField,
    serializers.ChoiceField: StrictChoiceField,
    serializers.DateTimeField: StrictInstantField,
    serializers.DictField: ObjectField,
    serializers.ListField: ArrayField,
}
# Read by agents.policy.core.draft, field by field; these describe it.
DESCRIPTIONS = {PolicyInput, ApprovalLevelInput}


def inputs() -> list[type[StrictSerializer]]:
    """All that are read from a body: a query has nothing but texts."""
    assert get_resolver().url_patterns  # All that has a route is imported then.
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


# About ids and names of things that people made: callers may not learn which exist.
NOT_CLOSED = {"function_unknown", "owner_unknown", "reference_unknown", "team_unknown"}
WORDY = re.compile(r"\w+_unknown|unknown_choice|unknown_field|unknown_parameter")


def calls_with_codes(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of each call that is given such a code, and the code."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        for one in given:
            if isinstance(one, ast.Constant) and WORDY.fullmatch(str(one.value)):
                yield name, str(one.value)


def test_every_error_about_a_closed_set_carries_the_set():
    """A finding of a decision is no error of form: it says what, not what else."""
    found = [
        (str(path.relative_to(ROOT)), name, code)
        for path in python_files(*APPS)
        for name, code in calls_with_codes(path)
    ]

    assert len(found) > 12
    assert [
        one
        for one in found
        if one[1] not in ("Unlisted", "Finding") and one[2] not in NOT_CLOSED
    ] == []
