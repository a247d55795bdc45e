"""One JSON value, one digest; two values, two."""

from __future__ import annotations

import hashlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactions.decisions.core.digest import digest

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def test_the_spelling_is_canonical_json():
    value = {"b": [1, None, True], "a": "\u0436", "c": Decimal("1.50")}

    text = rb'{"a":"\u0436","b":[1,null,true],"c":1.50}'
    assert digest(value) == hashlib.sha256(text).hexdigest()


@given(st.dictionaries(st.text(), json_values))
def test_the_order_of_keys_does_not_count(value):
    assert digest(dict(reversed(value.items()))) == digest(value)


@given(json_values, json_values)
def test_different_values_have_different_digests(one, other):
    assert (digest(one) == digest(other)) == (spelled(one) == spelled(other))


def spelled(value: object) -> object:
    """Distinguish what Python calls equal: 1 and True, 1 and Decimal(1.0)."""
    match value:
        case dict():
            return {key: spelled(item) for key, item in value.items()}
        case list():
            return [spelled(item) for item in value]
        case int() if not isinstance(value, bool):
            return "number", str(value)
        case Decimal():
            return "number", str(value)
        case _:
            return type(value).__name__, value


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        float("nan"),
        Decimal("NaN"),
        Decimal("Infinity"),
        {"a": [0.1]},
        {1: "a"},
        {None: "a"},
        b"a",
        {"a"},
        object(),
    ],
)
def test_what_has_no_one_spelling_is_refused(value):
    with pytest.raises(TypeError):
        digest(value)


def test_a_number_is_not_its_text():
    assert digest(1) != digest("1")
    assert digest(Decimal("1.5")) != digest("1.5")
    assert digest([]) != digest({})
    assert digest(None) != digest("null")
