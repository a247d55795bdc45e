"""docs/openapi.yaml names what it shares, and promises no less than is answered.

tests/declared.py compares it with every answer that any test gets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from platform_site.api_names import ENUM_NAMES, SHARED_SCHEMAS
from tests.house.source import ROOT

DOCUMENT = yaml.load((ROOT / "docs" / "openapi.yaml").read_text(), yaml.CSafeLoader)
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
# What an answer leaves out, and when.
LEFT_OUT = {
    "AuditEventOutput": {"xact_id"},  # Events of before it was sealed.
    # Of a closed set, and of a long one.
    "ProblemErrorOutput": {"allowed", "allowed_total", "did_you_mean", "see"},
    "ProblemOutput": {"errors"},  # Nothing of the request's own is wrong.
    "RecordOutput": {  # Nothing was derived: another engine, or a damaged record.
        "digest",
        "findings",
        "outcome",
        "policy_digest",
        "risk_bp",
        "risk_factors_bp",
    },
    "RiskFactorsOutput": {"amount", "merchant", "velocity", "pattern"},  # Not scored.
    "TokenPairOutput": {"access", "refresh", "csrf_token"},  # By cookie, or not.
}


def within(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object below a node."""
    for one in node.values() if isinstance(node, dict) else node:
        if isinstance(one, dict | list):
            yield from [one] if isinstance(one, dict) else []
            yield from within(one)


def test_every_closed_set_of_values_has_a_name_of_our_own():
    sets = {name for name, schema in SCHEMAS.items() if "enum" in schema}

    named = {name for name, schema in SHARED_SCHEMAS.items() if "enum" in schema}
    assert sets == named.union(ENUM_NAMES)


def test_what_has_a_form_of_its_own_has_a_name():
    """A generator would make one up for it, and another one after the next change."""
    own = {name: one for name, one in SCHEMAS.items() if name not in SHARED_SCHEMAS}
    unnamed = [
        (name, schema)
        for name, component in own.items()
        for schema in within(component.get("properties", {}))
        if "enum" in schema
        or isinstance(schema.get("properties"), dict)
        or len([one for one in choices(schema) if one != {"type": "null"}]) > 1
    ]

    assert len(own) > 50
    assert unnamed == []


def choices(schema: dict[str, Any]) -> list[Any]:
    found = [schema.get(word, []) for word in ("oneOf", "anyOf")]
    return [one for group in found if isinstance(group, list) for one in group]


def test_null_is_a_type_as_json_schema_has_it():
    """`nullable` beside `allOf` allows nothing, by the letter of OpenAPI 3.0."""
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert [one for one in within(DOCUMENT["paths"]) if "nullable" in one] == []
    nullable = [one for one in within(SCHEMAS) if one.get("nullable") is True]
    assert nullable == []
    # What may be anything may be null: as one of two it would be both.
    assert [one for one in within(SCHEMAS) if {} in choices(one)] == []


def test_an_answer_promises_all_of_its_fields():
    optional = {
        name: left_out
        for name, schema in SCHEMAS.items()
        if name.endswith("Output")
        and (left_out := {*schema["properties"]} - {*schema.get("required", [])})
    }

    assert optional == LEFT_OUT
