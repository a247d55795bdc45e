from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.merchants import (
    ascii_name,
    is_merchant_name,
    is_suspicious_merchant,
    merchant_key,
)
from agents.policy.core.draft import PolicyInvalid, parse_terms
from tests.audit.test_joiners import DECEITFUL, DIGIKALA, HONEST
from tests.factories import SEED_POLICY


@pytest.mark.parametrize(
    "name",
    ["amazon", "AMAZON", "Ａｍａｚｏｎ", "aMaZoN"],
)
def test_width_and_case_make_no_other_merchant(name: str) -> None:
    assert merchant_key(name) == merchant_key("Amazon")


def test_inner_spaces_make_no_other_merchant() -> None:
    assert merchant_key("Whole  Foods\u00a0Market") == "whole foods market"


@pytest.mark.parametrize(
    "name",
    [
        "Аmazon",  # Cyrillic A.
        "Amazοn",  # Greek omicron.
        "Ama\u200bzon",
        "Ama\u00adzon",
        "\u202eAmazon",
        "Amazon\ufe0f",
        "Amazon ",
        " Amazon",
    ],
)
def test_e9_a_disguised_merchant_is_another_one_and_is_flagged(name: str) -> None:
    assert merchant_key(name) != merchant_key("Amazon")
    assert is_suspicious_merchant(name)


@pytest.mark.parametrize("name", ["amazon.com.evil", "amazon.com", "Amazon2", "Amazo"])
def test_e10_only_the_whole_name_is_the_merchant(name: str) -> None:
    assert merchant_key(name) != merchant_key("Amazon")


@pytest.mark.parametrize(
    "name",
    ["раураӏ", "Ѕсоре", "ΝΙΚΕ"],
)
def test_e9_a_name_of_nothing_but_look_alikes_is_flagged(name: str) -> None:
    assert is_suspicious_merchant(name)


@pytest.mark.parametrize(
    "name",
    [
        "Amazon",
        "Café Zürich",
        "O'Reilly & Sons, Inc.",
        "7-Eleven",
        "Яндекс",
        "セブン-イレブン Japan",
        "现代 Hyundai",
        "삼성 Samsung",
        "Ａｍａｚｏｎ",
        "Ελληνικά Ταχυδρομεία",
    ],
)
def test_honest_names_are_not_flagged(name: str) -> None:
    assert not is_suspicious_merchant(name)


def test_a_name_can_be_shown_in_ascii() -> None:
    assert ascii_name("Аmazon\u200b") == r"\u0410mazon\u200b"
    assert ascii_name("Amazon\n") == r"Amazon\x0a"
    assert ascii_name("Amazon") == "Amazon"


@pytest.mark.parametrize("name", ["", "A", "  ", "A" * 201, "\ufdfa" * 20])
def test_a_name_that_is_too_short_or_long_is_none(name: str) -> None:
    assert not is_merchant_name(name)


@pytest.mark.parametrize("name", ["HP", "A" * 200, "\ufdfa" * 5])
def test_a_name_of_2_to_200_characters_is_one(name: str) -> None:
    assert is_merchant_name(name)


@given(st.text())
def test_a_key_is_its_own_key(name: str) -> None:
    assert merchant_key(merchant_key(name)) == merchant_key(name)


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"])))
def test_plain_names_differ_by_case_only(name: str) -> None:
    assert merchant_key(name.upper()) == merchant_key(name.lower()) == name.lower()
    assert not is_suspicious_merchant(name)


@given(st.text())
def test_any_text_can_be_judged_and_shown(name: str) -> None:
    is_suspicious_merchant(name)

    assert ascii_name(name).isascii()
    assert ascii_name(name) == "" or ascii_name(name).isprintable()


@pytest.mark.parametrize("name", HONEST)
def test_e9_a_name_that_needs_its_joiners_is_not_flagged(name: str) -> None:
    assert not is_suspicious_merchant(name)
    assert parse_merchants([name]) == (name,)


@pytest.mark.parametrize("name", DECEITFUL)
def test_e9_a_name_with_joiners_that_it_does_not_need_is_flagged(name: str) -> None:
    assert is_suspicious_merchant(name)
    with pytest.raises(PolicyInvalid):
        parse_merchants([name])


def parse_merchants(names: list[str]) -> tuple[str, ...] | None:
    return parse_terms({**SEED_POLICY, "allowed_merchants": names}).allowed_merchants


def test_e9_two_spellings_that_a_needed_joiner_tells_apart_are_one_merchant() -> None:
    assert merchant_key(DIGIKALA) == merchant_key(DIGIKALA.replace("\u200c", ""))
    assert merchant_key("\u2139\ufe0f Info") == merchant_key("\u2139 Info")
    assert merchant_key("Ama\u200czon") != merchant_key("Amazon")


@given(st.text(), st.sampled_from(["\u200c", "\u200d", "\ufe0f"]), st.text())
def test_a_key_with_joiners_is_its_own_key(one: str, joiner: str, other: str) -> None:
    key = merchant_key(one + joiner + other)

    assert merchant_key(key) == key
