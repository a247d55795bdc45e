"""A policy as sentences: the seed's example, and each limit left open or shut."""

from __future__ import annotations

import pytest

from agents.core.policy_draft import parse_terms
from agents.core.policy_words import policy_sentences, spoken_amount
from tests.factories import SEED_POLICY


def words(**changes) -> dict[str, str]:
    return dict(policy_sentences(parse_terms({**SEED_POLICY, **changes})))


@pytest.mark.parametrize(
    ("minor", "currency", "spoken"),
    [
        (4999, "USD", "49.99 USD"),
        (124_900, "USD", "1,249.00 USD"),
        (1_234_567, "JPY", "1,234,567 JPY"),
        (1_234_567, "KWD", "1,234.567 KWD"),
        (-50_000_00, "EUR", "-50,000.00 EUR"),
        (5, "EUR", "0.05 EUR"),
    ],
)
def test_amounts_are_spoken_with_thousands_apart(minor, currency, spoken):
    assert spoken_amount(minor, currency) == spoken


def test_the_seeds_policy_in_words():
    said = words()

    assert said["Each transaction"] == "At most 1,000.00 USD."
    assert said["A human decides"] == "On anything above 500.00 USD."
    assert said["Merchants"] == "Amazon, Walmart"
    assert said["Signature"] == "Not required."


def test_limits_that_are_not_set_are_said_too():
    said = words(
        requires_approval_above=None,
        allowed_merchants=None,
        blocked_categories=[],
        allowed_functions=None,
    )

    assert said["A human decides"].startswith("On risk or doubt only")
    assert said["Each day (UTC)"] == "No daily budget."
    assert said["Merchants"] == "Any merchant."
    assert said["Blocked categories"] == "None."
    assert said["Functions"] == "Any registered function."


def test_an_empty_list_of_merchants_allows_none():
    said = words(allowed_merchants=[], allowed_functions=[], requires_signature=True)

    assert said["Merchants"] == "None: every purchase is denied."
    assert said["Functions"] == "None: every call is denied."
    assert said["Signature"] == "Unsigned requests are refused."
