from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.money import (
    CURRENCIES,
    EXPONENTS,
    MINOR_MAX,
    MoneyError,
    exponent_of,
    format_amount,
    parse_amount,
)

currencies = st.sampled_from(sorted(CURRENCIES))
amounts = st.integers(1, MINOR_MAX)


def refusal(value: Any, currency: Any = "USD") -> str:
    with pytest.raises(MoneyError) as error:
        parse_amount(value, currency)
    return error.value.code


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        ("49.99", "USD", 4999),
        ("49.9", "USD", 4990),
        ("49", "USD", 4900),
        (49, "USD", 4900),
        (Decimal("49.99"), "USD", 4999),
        (Decimal("1E+2"), "USD", 10_000),
        ("0.01", "USD", 1),
        ("007", "JPY", 7),
        ("1000", "JPY", 1000),
        ("1.234", "KWD", 1234),
        ("10000000000000.00", "USD", MINOR_MAX),
        (MINOR_MAX, "JPY", MINOR_MAX),
    ],
)
def test_an_amount_becomes_minor_units(value: Any, currency: str, minor: int) -> None:
    assert parse_amount(value, currency) == minor


@pytest.mark.parametrize(
    "value",
    ["", " 1", "1 ", "1\n", "+1", "1,000", "1.", ".5", "1e3", "NaN", "Infinity", "0x10",
     "1_000", "١٢", "１２", "1.2.3", "--1", "$1", None, True, False, 49.99, [], {},
     Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-Infinity")],
)  # fmt: skip
def test_e1_what_is_no_plain_number_is_refused(value: Any) -> None:
    assert refusal(value) == "amount_not_a_number"


@pytest.mark.parametrize(
    "value", ["0", "0.00", "-0", "-1", 0, -5, Decimal("-0.01"), Decimal("-0")]
)
def test_e1_zero_and_less_are_refused(value: Any) -> None:
    assert refusal(value) == "amount_not_positive"


@pytest.mark.parametrize(
    ("value", "currency"),
    [
        ("49.999", "USD"),
        ("49.900", "USD"),
        (Decimal("49.900"), "USD"),
        (Decimal("1E-30"), "USD"),
        (Decimal("1E-999999"), "USD"),
        ("1.0", "JPY"),
        ("1.2345", "KWD"),
    ],
)
def test_e2_more_decimals_than_the_currency_has_are_refused(
    value: Any, currency: str
) -> None:
    assert refusal(value, currency) == "amount_too_many_decimals"


@pytest.mark.parametrize(
    "value",
    [
        "10000000000000.01",
        "99999999999999999999",
        "9" * 5000,
        10**20,
        Decimal("1E+400"),
        Decimal("1E+999999"),
    ],
)
def test_e1_amounts_without_bound_are_refused(value: Any) -> None:
    assert refusal(value) == "amount_too_large"


@pytest.mark.parametrize("currency", ["usd", "XXX", "XTS", "XAU", "US", "", None, 840])
def test_e2_unknown_currencies_are_refused(currency: Any) -> None:
    assert refusal("1", currency) == "currency_unknown"


def test_zero_is_taken_where_it_is_allowed() -> None:
    assert parse_amount("0.00", "USD", allow_zero=True) == 0
    assert parse_amount(0, "USD", allow_zero=True) == 0


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (4990, "USD", "49.90"),
        (1000, "JPY", "1000"),
        (5, "KWD", "0.005"),
        (0, "USD", "0.00"),
        (-4990, "USD", "-49.90"),
    ],
)
def test_an_amount_is_written_with_all_its_decimals(
    minor: int, currency: str, text: str
) -> None:
    assert format_amount(minor, currency) == text


def test_the_exponents_are_those_of_iso_4217() -> None:
    assert {EXPONENTS[code] for code in ("JPY", "KRW", "XOF", "UGX")} == {0}
    assert {EXPONENTS[code] for code in ("USD", "EUR", "MGA", "MRU")} == {2}
    assert {EXPONENTS[code] for code in ("KWD", "BHD", "TND", "JOD")} == {3}
    assert {len(code) for code in CURRENCIES} == {3}
    assert {code.upper() for code in CURRENCIES} == CURRENCIES


@given(amounts, currencies)
def test_what_is_written_reads_back_the_same(minor: int, currency: str) -> None:
    text = format_amount(minor, currency)

    assert parse_amount(text, currency) == minor
    assert parse_amount(Decimal(text), currency) == minor


@given(amounts, currencies, st.integers(1, 5))
def test_no_currency_takes_a_decimal_too_many(
    minor: int, currency: str, extra: int
) -> None:
    point = "" if exponent_of(currency) else "."
    text = format_amount(minor, currency) + point + "0" * extra

    assert refusal(text, currency) == "amount_too_many_decimals"


@given(st.text() | st.integers() | st.decimals() | st.floats() | st.none(), currencies)
def test_any_value_is_an_amount_within_bounds_or_a_refusal(
    value: Any, currency: str
) -> None:
    with contextlib.suppress(MoneyError):
        minor = parse_amount(value, currency)

        assert 0 < minor <= MINOR_MAX
        assert Decimal(value) == Decimal(format_amount(minor, currency))


@given(currencies, st.lists(st.integers(1, MINOR_MAX // 50), min_size=1, max_size=50))
def test_j5_the_parts_of_an_amount_are_the_whole(
    currency: str, parts: list[int]
) -> None:
    texts = [format_amount(part, currency) for part in parts]
    whole = sum(map(Decimal, texts), Decimal(0))

    assert parse_amount(format(whole, "f"), currency) == sum(parts)
    assert sum(parse_amount(text, currency) for text in texts) == sum(parts)


@given(currencies, st.integers(0, 10**9), st.sampled_from("123456789"))
def test_j5_a_half_of_a_minor_unit_is_refused_and_never_rounded(
    currency: str, minor: int, digit: str
) -> None:
    text = format_amount(minor, currency)
    finer = f"{text}{digit}" if "." in text else f"{text}.{digit}"

    for value in (finer, Decimal(finer)):
        assert refusal(value, currency) == "amount_too_many_decimals"


@pytest.mark.parametrize(
    ("currency", "text"),
    [("USD", "0.005"), ("USD", "2.675"), ("JPY", "0.5"), ("KWD", "0.0005")],
)
def test_j5_no_half_is_rounded_to_even_or_up(currency: str, text: str) -> None:
    assert refusal(text, currency) == "amount_too_many_decimals"
