from __future__ import annotations

from decimal import Decimal

import pytest

from agents.prompts.core.outputs import check_json_text, check_output
from audit.base.errors import SensitiveDataRefused
from security.schemas.core.json_schema import compile_schema
from tests.timing import is_under

SCHEMA = compile_schema(
    {"type": "object", "properties": {"n": {"type": "integer"}}}, for_function=False
)


def codes(verdict):
    return [reason.code for reason in verdict.reasons]


def test_plain_prose_is_allowed_as_it_is():
    verdict = check_output(
        "Three lamps, from 20 EUR < 30 EUR.\nSee https://shop.example."
    )

    assert (verdict.outcome, codes(verdict)) == ("allow", [])
    assert verdict.sanitized == (
        "Three lamps, from 20 EUR < 30 EUR.\nSee https://shop.example."
    )


@pytest.mark.parametrize(
    ("text", "inert"),
    [
        ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
        ("<IMG src=x onerror=alert(1)>", "&lt;IMG src=x onerror=alert(1)>"),
        ("<b onclick=alert(1)>x</b>", "&lt;b onclick=alert(1)>x&lt;/b>"),
        ('<b a="<" onclick =x>', '&lt;b a="<" onclick =x>'),
        ("![a](http://evil.example/?q=1)", "[a](http://evil.example/?q=1)"),
        ("![a][r]\n[r]: http://evil.example", "[a][r]\n[r]: http://evil.example"),
        ("[x](javascript:alert(1))", "[x](blocked:alert(1))"),
    ],
)
def test_active_content_is_held_and_made_inert(text, inert):
    verdict = check_output({"answer": [text]})

    assert (verdict.outcome, codes(verdict)) == ("hold", ["active_content"])
    assert verdict.sanitized == {"answer": [inert]}


def test_card_numbers_and_secrets_are_held_and_masked():
    verdict = check_output({"note": "paid with 4111 1111 1111 1111", "api_key": "k"})

    assert (verdict.outcome, codes(verdict)) == ("hold", ["sensitive_data"])
    assert verdict.sanitized == {"note": "paid with ****1111", "api_key": "****"}
    with pytest.raises(SensitiveDataRefused):
        check_output({"cvv": "123"})


def test_hidden_characters_are_held_and_removed():
    verdict = check_output("a\u202eb")

    assert (verdict.outcome, codes(verdict)) == ("hold", ["hidden_characters"])
    assert verdict.sanitized == "ab"


def test_a_value_that_departs_from_its_schema_is_denied():
    verdict = check_output({"n": Decimal("1.0")}, SCHEMA)

    assert verdict.outcome == "deny"
    assert [(one.code, one.pointer) for one in verdict.reasons] == [
        ("schema_type", "/n")
    ]


@pytest.mark.parametrize(
    "text", ["", "Sure! {}", "{'n': 1}", '{"n": NaN}', "[" * 5_000]
)
def test_i8_a_text_that_is_not_json_is_denied(text):
    verdict = check_json_text(text, SCHEMA)

    assert verdict.outcome == "deny"
    assert codes(verdict)[0] == "not_json"


def test_a_json_text_that_fits_is_allowed():
    assert check_json_text('{"n": 1}', SCHEMA).outcome == "allow"
    assert check_json_text('{"n": 1}', SCHEMA).sanitized == '{"n": 1}'


def test_fractions_stay_numbers_where_a_float_is_exact():
    value = [Decimal("1.5"), Decimal("0.10000000000000000001"), 7]

    assert check_output(value).sanitized == [1.5, "0.10000000000000000001", 7]


@pytest.mark.parametrize("unit", ["<a ", "<a on", "![", "<", "javascript:", "< <a b"])
def test_e12_60_kb_take_linear_time(unit):
    text = (unit * 60_000)[:60_000]

    assert is_under(0.5, lambda: check_output(text))
