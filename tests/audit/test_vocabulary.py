"""What an error says of a closed set: what is allowed, what was meant, where it is."""

from __future__ import annotations

import copy

import pytest

from agents.core.categories import CATEGORY_WORDS
from agents.core.countries import COUNTRY_WORDS
from agents.core.money import CURRENCY_WORDS
from agents.policy.core.hours import DAY_WORDS, zone_words
from audit.base.core.vocabulary import ALLOWED_MAX, NEAREST_MAX, Unlisted, Vocabulary


@pytest.mark.parametrize(
    ("words", "given", "meant"),
    [
        (CATEGORY_WORDS, "hostings", ["hosting"]),
        (CATEGORY_WORDS, "Web hosting services", ["hosting", "professional_services"]),
        (CATEGORY_WORDS, "crypto-currency", ["crypto"]),
        (CATEGORY_WORDS, "gamblin", ["gambling"]),
        (CATEGORY_WORDS, "qqqqq", []),
        (CURRENCY_WORDS, "usd", ["USD"]),
        (CURRENCY_WORDS, "euro", ["EUR"]),
        (COUNTRY_WORDS, "de", ["DE"]),
        (COUNTRY_WORDS, "UK", ["GB"]),
        (DAY_WORDS, "Monday", ["mon"]),
        (zone_words(), "europe/berlin", ["Europe/Berlin"]),
        (zone_words(), 7, []),
        (CATEGORY_WORDS, None, []),
        (CATEGORY_WORDS, "", []),
    ],
)
def test_what_was_meant_comes_first(words: Vocabulary, given: object, meant: list[str]):
    assert words.meant_by(given)[: len(meant) or 1] == meant


def test_at_most_three_are_meant_and_a_set_is_named_whole():
    told = CATEGORY_WORDS.suggestions("e" * 10_000)

    assert told["allowed"] == sorted(CATEGORY_WORDS.words)
    assert len(told["did_you_mean"]) <= 3
    assert told["see"] == "/docs/vocabularies/categories/"
    assert told.keys() == {"allowed", "did_you_mean", "see"}


def test_of_a_long_set_the_nearest_words_are_named_and_their_number():
    words = zone_words()
    assert len(words.words) > ALLOWED_MAX

    told = words.suggestions("Europe/Berlni")

    assert told["allowed"][0] == "Europe/Berlin"
    assert len(told["allowed"]) <= NEAREST_MAX
    assert told["allowed_total"] == len(words.words)
    assert told["see"] == "/docs/vocabularies/time-zones/"


def test_a_set_without_a_page_is_named_whole_and_points_nowhere():
    told = Vocabulary(("live", "test")).suggestions("Live")

    assert told == {"allowed": ["live", "test"], "did_you_mean": ["live"]}


def test_a_code_carries_its_set_and_stays_the_code():
    code = Unlisted("category_unknown", CATEGORY_WORDS, "x")

    assert code == "category_unknown"
    assert {code: 1} == {"category_unknown": 1}
    assert copy.deepcopy(code) is code
