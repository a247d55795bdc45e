from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from security.schemas.core.strict_json import JsonRefused, parse_json
from security.schemas.parsers import BodyRefused, StrictJSONParser, TooLarge
from tests.timing import is_under


def test_numbers_are_int_or_decimal():
    assert parse_json(b'{"a": 49.99, "b": 1, "c": 1.0, "d": 1e2}') == {
        "a": Decimal("49.99"),
        "b": 1,
        "c": Decimal("1.0"),
        "d": Decimal("1E+2"),
    }
    assert type(parse_json(b"1.0")) is Decimal
    assert type(parse_json(b"1")) is int


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[" * 200_000, "deeper than 32"),
        (b"[" * 33 + b"]" * 33, "deeper than 32"),
        (b'[[],{"a":' + b"[" * 31 + b"]" * 31 + b"},[]]", "deeper than 32"),
        (b'{"a":' * 33, "deeper than 32"),
        (b'"' + b"x" * (256 * 1024) + b'"', "larger than"),
        (b"9" * 5_000, "more than 40 digits"),
        (b"0." + b"9" * 5_000, "more than 40 digits"),
        (b"1e400", "out of range"),
        (b"1e-400", "out of range"),
        (b"1e99999999999999999999", "out of range"),
        (b"NaN", "NaN is not JSON"),
        (b"[Infinity]", "Infinity is not JSON"),
        (b"-Infinity", "Infinity is not JSON"),
        (b'"\xff"', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "byte order mark"),
        ('{"a": 1}'.encode("utf-16-le"), "is not"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (rb'"\ud800"', "surrogate"),
        (rb'{"\udfff": 1}', "surrogate"),
        (rb'"a\u0000b"', "NUL"),
        (b'"a\x00b"', "not JSON"),
        (b'{"a": 1, "a": 2}', "same key twice"),
        (rb'{"a": 1, "\u0061": 2}', "same key twice"),
        (b"", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"amount=1&merchant=x", "not JSON"),
    ],
)
def test_e3_what_two_parsers_could_read_differently_is_refused(body, says):
    with pytest.raises(JsonRefused, match=says):
        parse_json(body)
    with pytest.raises(TooLarge if says == "larger than" else BodyRefused):
        StrictJSONParser().parse(BytesIO(body), "application/json", {})


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (rb'{"a": [1, {"b": "x\u0000"}]}', "/a/1/b"),
        (b'{"a/b": {"~c": 1e400}}', "/a~1b/~0c"),
        (b'{"a": [NaN]}', "/a/0"),
        (b'{"a": ' + b"9" * 41 + b"}", "/a"),
        (b'{"a": {"b": 1, "b": 2}}', "/a"),
        (rb'{"a": {"\ud800": 1}}', "/a"),
        (b"{", ""),
        (b"1e400", ""),
    ],
)
def test_a_refusal_names_the_place_where_there_is_one(body, pointer):
    with pytest.raises(JsonRefused) as caught:
        parse_json(body)
    assert caught.value.pointer == pointer
    with pytest.raises(BodyRefused) as refused:
        StrictJSONParser().parse(BytesIO(body), "application/json", {})
    assert refused.value.pointer == pointer


def test_a_pair_of_surrogates_is_one_character():
    assert parse_json(rb'"\ud83d\ude00"') == "\U0001f600"


def test_brackets_inside_of_texts_do_not_count_as_depth():
    assert parse_json(json.dumps("[" * 1_000 + '\\"{').encode()) == "[" * 1_000 + '\\"{'


def test_thirty_two_levels_are_accepted():
    assert parse_json(b"[" * 32 + b"]" * 32)


@pytest.mark.parametrize("charset", ["utf-16", '"UTF-7"', "latin-1"])
def test_another_charset_is_refused(charset):
    with pytest.raises(ParseError, match="charset"):
        StrictJSONParser().parse(BytesIO(b"{}"), f"application/json; charset={charset}")


@pytest.mark.parametrize(
    "body",
    [
        b'"' + rb"\"" * 130_000,
        b'"' * 260_000,
        b"[]" * 130_000,
        b"[" * 130_000 + b"]" * 130_000,
        rb'"\\' * 80_000,
    ],
)
def test_e12_a_nasty_body_is_refused_at_once(body):
    def refuse():
        with pytest.raises(JsonRefused):
            parse_json(body)

    assert is_under(0.25, refuse)


CLEAN = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | CLEAN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(CLEAN, inner),
    max_leaves=20,
)


@given(json_values)
def test_what_is_accepted_is_what_json_says(value):
    assert parse_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(body):
    with contextlib.suppress(JsonRefused):
        parse_json(body)
