"""Canonical JSON, against RFC 8785 and somebody else's implementation of it."""

from __future__ import annotations

import json
import struct

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from audit.base.core.canonical import SAFE_INTEGER, canonical

whole = st.integers(-SAFE_INTEGER, SAFE_INTEGER)
doubles = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | whole | doubles | texts,
    lambda items: st.lists(items) | st.dictionaries(texts, items),
    max_leaves=20,
)


@given(values)
@example({"\U0001f600": 1, "\ufb33": 2})  # UTF-16 sorts these the other way round.
@example([1e21, 1e20, 1e-6, 1e-7, -0.0, 5e-324, 1.7976931348623157e308])
def test_every_value_is_spelled_as_a_foreign_implementation_spells_it(value):
    assert canonical(value) == rfc8785.dumps(value)


@given(values)
def test_reading_it_back_gives_the_value_and_the_same_spelling(value):
    assert canonical(json.loads(canonical(value))) == canonical(value)


@given(st.dictionaries(texts, whole, min_size=2))
def test_the_order_of_keys_changes_nothing(value):
    turned = dict(reversed(value.items()))

    assert canonical(turned) == canonical(value)


# RFC 8785, appendix B: the bits of a double and its spelling.
@pytest.mark.parametrize(
    ("bits", "spelled"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_the_numbers_of_the_standard(bits: str, spelled: str):
    [number] = struct.unpack(">d", bytes.fromhex(bits))

    assert canonical(number).decode() == spelled


def test_a_large_whole_number_keeps_its_digits():
    assert canonical([2**64 + 1, 0.5]) == b"[18446744073709551617,0.5]"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_cannot_say_is_refused(number: float):
    with pytest.raises(ValueError, match="no NaN"):
        canonical({"a": [number]})


@pytest.mark.parametrize("value", [{1: "a"}, {"a": b"b"}, {"a": {1, 2}}, [object()]])
def test_what_is_no_json_is_refused(value: object):
    with pytest.raises(TypeError):
        canonical(value)


def test_a_lone_surrogate_is_refused():
    with pytest.raises(UnicodeEncodeError):
        canonical(["\ud800"])
