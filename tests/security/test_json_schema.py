from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.schemas.core.json_schema import (
    SchemaRefused,
    check,
    compile_schema,
    violations,
)
from tests.timing import is_under


def function(**properties):
    return {"type": "object", "properties": properties}


def refused(schema, **options):
    with pytest.raises(SchemaRefused) as caught:
        compile_schema(schema, **options)
    return caught.value.reason


def found(schema, value):
    return [
        (one.pointer, one.code) for one in violations(compile_schema(schema), value)
    ]


def test_parameters_that_fit_have_no_violations():
    schema = {**function(count={"type": "integer"}), "required": ["count"]}

    assert check(schema, {"count": 3}) == ()
    assert [one.code for one in check(schema, {})] == ["required"]


@pytest.mark.parametrize(
    "ref",
    [
        "https://example.com/schema.json",
        "http://127.0.0.1:6379/",
        "file:///etc/passwd",
        "other.json",
        "#name",
        "#/$defs/absent",
        "#/properties",
        "",
        7,
    ],
)
def test_h2_a_ref_out_of_the_document_is_refused(ref):
    assert refused(function(a={"$ref": ref})) == "ref_refused"


@pytest.mark.parametrize(
    "keyword",
    ["$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$id", "$anchor", "$vocabulary"],
)
def test_h2_what_moves_refs_about_is_refused(keyword):
    assert refused(function(a={keyword: "#x"})) == "keyword_refused"


def test_h2_a_ref_that_leads_back_to_itself_is_refused():
    schema = function(a={"$ref": "#/$defs/a"})

    assert refused(schema | {"$defs": {"a": {"$ref": "#/$defs/a"}}}) == "ref_cycle"
    assert refused(function(a={"$ref": "#"})) == "ref_cycle"
    assert (
        refused(schema | {"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}})
        == "ref_cycle"
    )


def test_a_ref_into_the_same_document_works_and_stays_closed():
    point = function(x={"type": "integer"})
    schema = function(at={"$ref": "#/$defs/point"}) | {"$defs": {"point": point}}

    assert found(schema, {"at": {"x": 1}}) == []
    assert found(schema, {"at": {"x": 1.0}}) == [("/at/x", "type")]
    assert found(schema, {"at": {"x": 1, "y": 2}}) == [("/at", "additionalProperties")]


def test_h3_refs_that_multiply_are_refused():
    defs = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 4} for n in range(20)
    } | {"d20": {}}

    assert refused(function(a={"$ref": "#/$defs/d0"}) | {"$defs": defs}) == "too_large"


def test_h3_unique_items_needs_a_bound():
    items = {"type": "array", "uniqueItems": True}

    assert refused(function(a=items)) == "unique_items_unbounded"
    assert refused(function(a={**items, "maxItems": 101})) == "unique_items_unbounded"
    schema = function(a={**items, "maxItems": 100})
    assert found(schema, {"a": [1, 1]}) == [("/a", "uniqueItems")]


def test_h3_long_lists_of_objects_with_unique_items_cost_under_100_ms():
    schema = compile_schema(
        function(a={"type": "array", "uniqueItems": True, "maxItems": 100})
    )
    value = {"a": [{"k": [n, {}]} for n in range(400)]}

    assert [one.code for one in violations(schema, value)] == ["maxItems"]
    assert is_under(0.1, lambda: violations(schema, value))


def test_h3_too_many_branches_are_refused():
    assert refused(function(a={"anyOf": [{"type": "null"}] * 17})) == (
        "too_many_branches"
    )


def test_h3_the_costliest_check_takes_under_100_ms():
    branch = {
        "type": "object",
        "properties": {"k": {"const": "never"}},
        "required": ["k"],
    }
    item = {"anyOf": [branch] * 16}
    schema = compile_schema(function(a={"type": "array", "items": item}))
    fits = 40_000 // schema.size // 3
    value = {"a": [{"k": "x"}] * fits}

    assert violations(schema, value)
    assert is_under(0.1, lambda: violations(schema, value))


def test_more_values_than_can_be_checked_are_a_violation():
    schema = function(a={"type": "array", "items": {"type": "integer"}})

    assert found(schema, {"a": [1] * 2_001}) == [("", "too_large")]


def test_h3_a_large_or_deep_schema_is_refused():
    deep: dict[str, Any] = {}
    for _ in range(40):
        deep = {"items": deep}
    assert refused(function(a=deep)) == "too_deep"
    assert refused(function(a={"description": "x" * 70_000})) == "too_large"
    assert refused(function(**{f"p{n}": {} for n in range(600)})) == "too_large"
    endless: dict[str, Any] = {}
    endless["items"] = endless
    assert refused(function(a=endless)) == "not_json"


@pytest.mark.parametrize("value", [1.0, 1.5, Decimal("1.0"), Decimal("1E0"), True, "1"])
def test_h4_only_a_whole_number_is_an_integer(value):
    assert found(function(a={"type": "integer"}), {"a": value}) == [("/a", "type")]


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")]
)
def test_h4_nan_passes_no_minimum(value):
    schema = function(a={"type": "number", "minimum": 0, "maximum": 1})

    assert found(schema, {"a": value}) == [("/a", "not_finite")]


def test_h4_extra_arguments_are_violations_also_inside():
    schema = function(to=function(name={"type": "string"}))

    assert found(schema, {"x": 1}) == [("", "additionalProperties")]
    assert found(schema, {"to": {"name": "a", "x": 1}}) == [
        ("/to", "additionalProperties")
    ]


def test_h4_extra_arguments_are_violations_beside_branches():
    schema = function(a={"type": "integer"}) | {
        "anyOf": [function(b={"type": "integer"}), function(c={"type": "integer"})]
    }

    assert found(schema, {"a": 1, "b": 2}) == []
    assert found(schema, {"a": 1, "d": 2}) == [("", "unevaluatedProperties")]


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({}, "not_an_object"),
        ({"type": "array"}, "not_an_object"),
        ({"type": ["object", "null"]}, "not_an_object"),
        (function() | {"additionalProperties": True}, "additional_properties_open"),
        (function() | {"additionalProperties": {}}, "additional_properties_open"),
        (
            function() | {"$schema": "http://json-schema.org/draft-07/schema#"},
            "dialect_refused",
        ),
        (function(a={"$schema": "https://evil.example/"}), "dialect_refused"),
        (function(a={"typ": "string"}), "keyword_refused"),
        (function(a={"patternProperties": {"(a+)+": {}}}), "keyword_refused"),
        (function(a={"type": "strng"}), "not_a_schema"),
        (function(a={"minimum": "1"}), "not_a_schema"),
        (function(a={"minimum": float("nan")}), "not_finite"),
        (function(a=[]), "not_a_schema"),
        (function(a={"enum": {1, 2}}), "not_json"),
        ([], "not_a_schema"),
    ],
)
def test_h4_a_schema_that_is_not_of_the_dialect_is_refused(schema, reason):
    assert refused(schema) == reason


def test_a_property_may_be_named_like_a_keyword():
    schema = function(**{"$ref": {"type": "string"}, "pattern": {"type": "string"}})

    assert found(schema, {"$ref": "http://x", "pattern": "(a+)+"}) == []


def test_fractions_are_compared_exactly():
    schema = function(a={"type": "number", "multipleOf": 0.01, "maximum": 0.3})

    assert found(schema, {"a": Decimal("0.3")}) == []
    assert found(schema, {"a": 0.3}) == []
    assert found(schema, {"a": 0.1 + 0.2}) == [("/a", "multipleOf"), ("/a", "maximum")]
    assert found(schema, {"a": Decimal("1e100")}) == [("", "multipleOf")]


def test_a_message_never_repeats_the_value():
    schema = compile_schema(function(a={"enum": ["x"]}))

    [violation] = violations(schema, {"a": "s3cret"})
    assert "s3cret" not in violation.message


def test_pointers_are_escaped():
    assert found(function(**{"a/b~": {"type": "null"}}), {"a/b~": 1}) == [
        ("/a~1b~0", "type")
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "$ref",
                    "$defs",
                    "anyOf",
                    "items",
                    "not",
                    "properties",
                    "type",
                    "pattern",
                ]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(json_values, json_values)
def test_any_schema_is_refused_or_checks_any_value(schema, value):
    try:
        compiled = compile_schema(schema, for_function=False)
    except SchemaRefused:
        return
    violations(compiled, value)


def test_a_registered_schema_is_compiled_once():
    schema = json.loads(json.dumps(function(a={"type": "string"})))

    assert check(schema, {"a": "b"}) == ()
    assert check(schema, {"a": 1})[0].pointer == "/a"
