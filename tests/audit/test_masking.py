"""What must never be read back from a log, an event or a mail."""

from __future__ import annotations

import itertools
import json
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.base.core.masking import mask
from audit.base.errors import SensitiveDataRefused
from tests.timing import cpu_s

VISA, AMEX = "4111111111111111", "378282246310005"


def passes_luhn(digits: str) -> bool:
    """The textbook's way, independent of ours."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def with_check_digit(payload: str) -> str:
    return next(payload + d for d in "0123456789" if passes_luhn(payload + d))


cards = st.text("0123456789", min_size=12, max_size=18).map(with_check_digit)


@st.composite
def written_cards(draw: st.DrawFn) -> str:
    """A card number as people write it: in groups, with spaces or dashes."""
    digits = draw(cards)
    gap = draw(st.sampled_from(["", " ", "-", " - "]))
    size = draw(st.integers(1, 6))
    groups = [digits[i : i + size] for i in range(0, len(digits), size)]
    return gap.join(groups)


texts = st.text(st.characters(codec="utf-8"), max_size=20)
messy = st.lists(st.one_of(written_cards(), texts), max_size=5).map(" ".join)
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        messy,
        cards.map(int),
        st.integers(),
        cards.filter(lambda card: len(card) < 16).map(float),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(messy, inner, max_size=4)
    ),
    max_leaves=20,
)


def numbers_in(text: str) -> list[str]:
    """Every stretch of whole digit groups, joined by spaces or dashes, as digits."""
    found = []
    for run in re.findall(r"\d+(?:[ -]{1,3}\d+)*", text):
        groups = re.findall(r"\d+", run)
        for first, last in itertools.combinations(range(len(groups) + 1), 2):
            found.append("".join(groups[first:last]))
    return found


@given(values)
def test_g3_no_card_number_survives_anywhere(value):
    written = json.dumps(mask({"value": value}), ensure_ascii=False)

    shown = [n for n in numbers_in(written) if 13 <= len(n) <= 19 and passes_luhn(n)]
    assert shown == []


@given(values)
def test_masking_twice_is_masking_once(value):
    once = mask(value)

    assert mask(once) == once


@given(written_cards())
def test_of_a_card_number_the_last_four_stay(card):
    digits = re.sub(r"\D", "", card)

    assert mask(f"paid with {card}.") == f"paid with ****{digits[-4:]}."


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        # The specification's three, by key.
        ({"card_number": VISA}, {"card_number": "****1111"}),
        ({"ssn": "123-45-6789"}, {"ssn": "****6789"}),
        ({"password": "hunter2"}, {"password": "****"}),
        # However the key is spelled, wherever it lies.
        ({"cardNumber": VISA}, {"cardNumber": "****1111"}),
        ({"Card-Number": int(VISA)}, {"Card-Number": "****1111"}),
        ({"a": [{"PAN": VISA}]}, {"a": [{"PAN": "****1111"}]}),
        ({"pan": {"raw": [VISA]}}, {"pan": {"raw": ["****1111"]}}),
        ({"card_number": "4111"}, {"card_number": "****"}),
        ({"newPassword": "x"}, {"newPassword": "****"}),
        ({"client_secret": "x"}, {"client_secret": "****"}),
        ({"access_token": "x"}, {"access_token": "****"}),
        ({"Authorization": "Bearer x"}, {"Authorization": "****"}),
        ({"api_key": 7}, {"api_key": "****"}),
        ({"Set-Cookie": "a=b"}, {"Set-Cookie": "****"}),
        ({"signature": "sig=:abc:"}, {"signature": "****"}),
        ({"token": {"ssn": "123456789"}}, {"token": {"ssn": "****"}}),
        # In free text.
        (f"card {VISA} ok", "card ****1111 ok"),
        ("4111 1111 1111 1111", "****1111"),
        ("4111-1111-1111-1111", "****1111"),
        (f"{AMEX} and 123-45-6789", "****0005 and ****6789"),
        (f"x{VISA}y", "x****1111y"),
        (int(VISA), "****1111"),
        (float(VISA), "****1111"),
        (Decimal(VISA), "****1111"),
        ("GET /x?token=abc&page=2", "GET /x?token=****&page=2"),
        ('{"password": "abc"}', '{"password": "****"}'),
        ("Authorization: Bearer abcdefgh", "Authorization: Bearer ****"),
        ("got eyJhbGci.eyJzdWIi.c2ln", "got ****"),
        # What is no secret stays.
        ({"requires_signature": True}, {"requires_signature": True}),
        ({"token": None, "password": ""}, {"token": None, "password": ""}),
        ("4111111111111112", "4111111111111112"),
        (4111111111111112, 4111111111111112),
        ("49.99 USD at Amazon", "49.99 USD at Amazon"),
        ("2026-11-22T16:30:52.123456+00:00", "2026-11-22T16:30:52.123456+00:00"),
        ("txn_01kaq41111111111111111ab2c", "txn_01kaq41111111111111111ab2c"),
        ("550e8400-e29b-41d4-a716-446655440008",) * 2,
        ("0" * 32 + "abcdef01" * 4,) * 2,
        # What PostgreSQL cannot store.
        ("a\x00b", "a\N{REPLACEMENT CHARACTER}b"),
        ("a\ud800b", "a?b"),
    ],
)
def test_examples(value, masked):
    assert mask(value) == masked


@pytest.mark.parametrize(
    "key", ["cvv", "CVC", "cvv2", "cardCvv", "security_code", "card-security-code"]
)
def test_g3_a_card_security_code_is_refused(key):
    with pytest.raises(SensitiveDataRefused):
        mask({"metadata": [{key: "123"}]})

    assert mask({key: ""}) == {key: ""}


@pytest.mark.parametrize(
    "unit", ["1 ", "1-", "4", "eyJ-", "token=", "Bearer ", '"secret": ', "a1b2", "abc_"]
)
def test_e12_masking_takes_linear_time(unit):
    def cpu_seconds(size: int) -> float:
        text = unit * (size // len(unit))
        return cpu_s(lambda: mask(text), tries=2)

    # Quadratic would be 256 times as long.
    small = max(cpu_seconds(8_000), 0.001)
    assert cpu_seconds(128_000) < 80 * small


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ({"pan": "12345678"}, {"pan": "****"}),
        ({"pan": "123456789"}, {"pan": "****6789"}),
        ({"iban": "DE89 3704 0044 0532 0130 0 0"}, {"iban": "****3000"}),
        ({"account-number": "12_34.56 78/9"}, {"account-number": "****6789"}),
        ({"pan": "****6789"}, {"pan": "****6789"}),
        ({"pan": 10**20 - 1}, {"pan": "****9999"}),
        ({"pan": 10**20}, {"pan": "****"}),
        ({"pan": 1 - 10**20}, {"pan": "****9999"}),
        ({"pan": -(10**20)}, {"pan": "****"}),
        ({"pan": float("inf")}, {"pan": "****"}),
        ({"pan": float("nan")}, {"pan": "****"}),
        ({"pan": True, "ssn": False}, {"pan": True, "ssn": False}),
        ({"pan": None, "ssn": ""}, {"pan": None, "ssn": ""}),
        ({"secret": {"pan": "123456789"}}, {"secret": {"pan": "****"}}),
        ({"pan": {"secret": "123456789"}}, {"pan": {"secret": "****"}}),
        ({"pan": {"note": "123456789"}}, {"pan": {"note": "****6789"}}),
        ({"k" * 200: "shown"}, {"k" * 200: "shown"}),
        ({"k" * 201: "123456789"}, {"k" * 201: "****"}),
        ({"k" * 202: 123456789}, {"k" * 202: "****"}),
        ({"k" * 300 + "cvv": "123"}, {"k" * 300 + "cvv": "****"}),
    ],
)
def test_by_its_key_a_value_keeps_four_of_nine_characters_or_more(value, masked):
    assert mask(value) == masked


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        (b"secret", "****"),
        (bytearray(b"secret"), "****"),
        (memoryview(b"secret"), "****"),
        ((VISA, 1), ["****1111", 1]),
        ({VISA}, ["****1111"]),
        (frozenset({VISA}), ["****1111"]),
        ({VISA: 1, 7: 2}, {"****1111": 1, "7": 2}),
        (-int(VISA), "-****1111"),
        (float("inf"), float("inf")),
        (Decimal("49.99"), Decimal("49.99")),
        (1.5, 1.5),
        (True, True),
        (None, None),
    ],
)
def test_values_of_any_type_are_masked(value, masked):
    found = mask(value)

    assert found == masked
    assert type(found) is type(masked)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        # Two numbers in one run, beside each other and with four digits in common.
        (f"{VISA} {AMEX}", "****1111 ****0005"),
        (f"{VISA}-0000-0000-0000-0000", "****1111-****0000"),
        ("4111 1111 1111 1111 2222 3333 0210", "****0210"),
        # Digits around a number stay, unless they make a longer one with it.
        (f"15 {VISA} 35", "15 ****1111 35"),
        (f"12 {VISA} 34", "12 ****1134"),
        # From 13 to 19 digits; 12 and 20 that pass the same sum are no card number.
        ("411111111117", "411111111117"),
        ("4111111111119", "****1119"),
        ("4111111111111111110", "****1110"),
        ("41111111111111111115", "41111111111111111115"),
        ("4111 1111 1111 1111 1113", "****1111 1113"),
    ],
)
def test_card_numbers_in_runs_of_digits(text, masked):
    assert mask(text) == masked


def test_a_refused_security_code_is_named_with_its_place():
    with pytest.raises(SensitiveDataRefused) as refused:
        mask({"cvv": "123"})

    assert refused.value.pointer == "/cvv"


def nested(depth, wrap):
    value = "plain text"
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_values_are_shown_down_to_the_64th_level(wrap):
    assert mask(nested(64, wrap)) == nested(64, wrap)
    assert "plain text" not in json.dumps(mask(nested(65, wrap)))


def test_absurdly_deep_or_long_values_end():
    deep: object = VISA
    for _ in range(500):
        deep = [deep]

    assert VISA not in json.dumps(mask(deep))
    assert mask(10**5000) == 10**5000
    assert mask({"pan": 10**5000}) == {"pan": "****"}
