"""A policy as sentences: the example, and each limit set or not set."""

from __future__ import annotations

import pytest

from agents.policy.core.draft import parse_terms
from agents.policy.core.policy import policy_sentences
from agents.policy.core.words import spoken_amount
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
        (0, "EUR", "0.00 EUR"),
        (-1, "JPY", "-1 JPY"),
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


def test_every_term_has_its_sentence_in_a_fixed_order():
    terms = parse_terms(
        {
            **SEED_POLICY,
            "time_zone": "Europe/Berlin",
            "daily_budget": "2500.00",
            "max_transactions_per_hour": 1000,
            "limits": [
                {"period": "month", "amount": "9000.00", "count": 1200},
                {"period": "day", "window": "rolling", "per": "merchant", "count": 3},
            ],
            "approval_levels": [
                {"above": "800.00", "approvals": 1, "role": "admin"},
                {"above": "900.00", "approvals": 2, "role": "admin"},
            ],
            "approval_expires_after_minutes": 90,
            "approval_escalates_after_minutes": 60,
            "allowed_countries": ["DE"],
            "allowed_hours": [{"days": ["sun"], "from": "00:00", "to": "24:00"}],
            "blocked_mcc_groups": ["car_rental"],
            "allowed_functions": ["pay", "refund"],
            "requires_signature": True,
        }
    )

    assert policy_sentences(terms) == (
        ("Each transaction", "At most 1,000.00 USD."),
        ("A human decides", "On anything above 500.00 USD."),
        (
            "Approvals",
            "One person (manager or higher); above 800.00 USD one person (admin);"
            " above 900.00 USD 2 people (admin).",
        ),
        (
            "Time to decide",
            "Expires after 90 minutes; goes to the next higher role after 1 hour.",
        ),
        ("Each day (Europe/Berlin)", "At most 2,500.00 USD."),
        ("Each hour", "At most 1,000 requests."),
        ("Limit", "At most 9,000.00 USD and 1,200 transactions in a month."),
        ("Limit", "At most 3 transactions at one merchant within 24 hours."),
        ("Merchants", "Amazon, Walmart"),
        ("New merchants", "As any other."),
        ("Blocked categories", "gambling, adult"),
        ("Countries", "DE."),
        ("Kinds of sellers (MCC)", "Any but car rental."),
        ("Hours", "Sun 00:00–24:00 (Europe/Berlin)."),
        ("Functions", "pay, refund"),
        ("Signature", "Unsigned requests are refused."),
    )


def test_limits_that_are_not_set_are_said_too():
    said = words(
        requires_approval_above=None,
        allowed_merchants=None,
        blocked_categories=[],
        allowed_functions=None,
    )

    assert said["A human decides"] == (
        "On risk or doubt only; no amount by itself needs approval."
    )
    assert said["Time to decide"] == "Expires after 24 hours."
    assert said["Each day (UTC)"] == "No daily budget."
    assert said["Each hour"] == (
        "No limit of its own; the platform's request limits hold."
    )
    assert said["Merchants"] == "Any merchant."
    assert said["Blocked categories"] == "None."
    assert said["Functions"] == "Any registered function that only reads."


def test_an_empty_list_of_merchants_allows_none():
    said = words(allowed_merchants=[], allowed_functions=[], requires_signature=True)

    assert said["Merchants"] == "None: every purchase is denied."
    assert said["Functions"] == "None: every call is denied."
    assert said["Signature"] == "Unsigned requests are refused."
