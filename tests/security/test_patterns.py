"""Patterns of functions' schemas: ECMA's meaning, in linear time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.schemas.core.json_schema import SchemaRefused, compile_schema, violations
from security.schemas.core.patterns import PatternRefused, compile_pattern
from tests.security.test_json_schema import found, function
from tests.timing import is_under


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"(a)\1", r"A back-reference cannot be matched in linear time: \1"),
        (
            "b(?=a)a",
            "Look-around cannot be matched in linear time: (?= at character 2.",
        ),
        ("(?<!a)b", "Look-around cannot be matched in linear time: (?<! at"),
        ("(?P<n>a)", "This kind of group is not ECMA's: (?P at"),
        ("(?i)a", "This kind of group is not ECMA's: (?i at"),
        (r"\A", r"This escape is not ECMA's: \A at character 1."),
        (r"\pL", "This escape is not ECMA's"),
        (r"\p{Nonsense}", "invalid character class range"),
        (r"\ud800", "This is not a character"),
        ("\\", "This escape is not ECMA's"),
        ("(.{1,500}){1,500}", "invalid repetition size"),
        (r"(\p{L}{1,50}\d?){1,15}x", "pattern too large"),
        ("a" * 501, "at most 500 characters"),
        ("(", "missing )"),
        (")", "unexpected )"),
        ("[", "missing ]"),
        ("*a", "no argument for repetition operator"),
        ("[z-a]", "invalid character class range"),
        ("a**", "bad repetition operator"),
    ],
)
def test_h3_a_pattern_that_no_linear_engine_takes_is_refused_with_its_place(
    pattern, why
):
    schema = function(a={"type": "string", "pattern": pattern})

    with pytest.raises(SchemaRefused) as caught:
        compile_schema(schema)

    assert caught.value.reason == "pattern_refused"
    assert caught.value.pointer == "/properties/a/pattern"
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "fits", "not_fits"),
    [
        ("^[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}$", "DE89370400440532013000", "de89"),
        ("^(EUR|USD)$", "USD", "USDX"),
        (r"^\d{4}-\d{2}-\d{2}$", "2026-01-31", "٢٠٢٦-01-31"),
        (r"^\d{4}(-\d{2}){2}$", "2026-01-31", "2026-01"),
        ("^[a-z0-9]+(-[a-z0-9]+)*$", "a-b2-c", "a--b"),
        ("^(foo|bar)+$", "foobarfoo", "fooba"),
        (r"^[^@\s]+@[^@\s]+\.[^@\s]+$", "a@b.example", "a@b\u00a0c.d"),
        (r"^[\w.+-]+@[\w-]+(\.[\w-]+)+$", "a+b@c.example", "é@c.example"),
        (r"^https?://[^\s/]+(/\S*)?$", "https://a.example/b", "https:///b"),
        (r"^\p{L}+$", "Zoë", "Zoe2"),
        (r"^\p{Script=Greek}\p{Lowercase_Letter}$", "Ωω", "ωΩ"),
        ("^[a-z]+$", "abc", "abc\n"),
        (r"^a\.b(?:c)?$", "a.bc", "axbc"),
        ("colou?r", "my color", "colr"),
        ("^a|b$", "xb", "xc"),
        ("^.$", "\U0001f600", "\u2028"),
        (r"^\s$", "\ufeff", "\u200b"),
        (r"^[\S]$", "\u200b", "\u3000"),
        (r"^[\b]\cA\0$", "\x08\x01\0", "b"),
        (r"^\ud83d\ude00\u{1F600}\u0041\x41$", "\U0001f600\U0001f600AA", "A"),
        ("^[^]$", "\n", ""),
        ("^a[]?$", "a", "aa"),
        ("^[[(]$", "[", "x"),
        (r"^(?<year>\d+)\/\-$", "2026/-", "2026"),
    ],
)
def test_a_pattern_means_what_ecma_says(pattern, fits, not_fits):
    schema = function(a={"type": "string", "pattern": pattern})

    assert found(schema, {"a": fits}) == []
    assert found(schema, {"a": not_fits}) == [("/a", "pattern")]


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a+)+$", "(a|a)*$", r"^(\w+\s?)*$", "(.*)*x", "a*a*a*b", ".*.*=.*"),
        *("^a{1,500}[a-z]*$", "(a|aa|aaa)?(a|aa)?b", "^(a?){300}a{300}$", "(a+)+!$"),
        "[ab]{0,900}c|[ab]{0,900}c|[ab]{0,900}d",
    ],
)
@pytest.mark.parametrize("text", ["a" * 99_999 + "!", "ab" * 50_000, "=" * 100_000])
def test_h3_no_pattern_takes_more_than_200_ms(pattern, text):
    schema = compile_schema(function(a={"type": "string", "pattern": pattern}))

    assert is_under(0.2, lambda: violations(schema, {"a": text}))


LARGE = {"type": "string", "pattern": "^[ab]{0,900}[ab]{0,900}c?$"}


@pytest.mark.parametrize(
    "schema",
    [
        LARGE,
        {"not": LARGE},
        {"if": LARGE, "then": False},
        {"anyOf": [LARGE, {"maxLength": 9_999}]},
    ],
)
def test_h3_a_text_too_long_for_a_large_pattern_is_refused_wherever_it_stands(schema):
    assert found(function(a=LARGE), {"a": "a" * 1_800}) == []
    assert found(function(a=schema), {"a": "a" * 6_000}) == [("", "too_large")]


def test_h3_all_patterns_of_a_schema_share_the_steps_of_a_check():
    schema = function(**{f"p{n}": LARGE for n in range(5)})
    texts = {f"p{n}": "a" * 1_000 for n in range(5)}

    assert found(schema, {"p0": texts["p0"]}) == []
    assert found(schema, texts) == [("", "too_large")]
    assert found(schema, {"p0": texts["p0"]}) == []  # Each check has its own.


@given(st.text(alphabet="ab.*+?(|)[]{}1,2\\^$d-:<>=!usp", max_size=12))
def test_any_pattern_is_compiled_or_refused(pattern):
    try:
        compiled = compile_pattern(pattern)
    except PatternRefused:
        return
    compiled.search("ab1")


# Both languages mean the same by these, and Python's is the reference.
@given(
    st.recursive(
        st.sampled_from(["a", "b", r"\d", r"\w", "[ab]", "[^a]", "1"]),
        lambda inner: (
            st.tuples(inner, inner).map("".join)
            | st.tuples(inner, inner).map(lambda pair: "({}|{})".format(*pair))
            | st.tuples(inner, st.sampled_from("?*+")).map(
                lambda pair: "(?:{}){}".format(*pair)
            )
        ),
        max_leaves=6,
    ),
    st.text(alphabet="ab1-", max_size=8),
)
def test_a_plain_pattern_matches_what_pythons_does(pattern, text):
    expected = re.search(f"^{pattern}\\Z", text, re.ASCII) is not None

    found = compile_pattern(f"^{pattern}$").search(text)
    assert (found is not None) is expected
