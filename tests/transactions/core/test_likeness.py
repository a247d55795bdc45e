"""Look-alike merchants and near repeats: what is flagged, and what is everyday."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from agents.core.merchants import merchant_key
from audit.base.core.lookalikes import LOOKS_2
from tests.lookalikes import spellings
from tests.transactions.core.cases import NOW, THRESHOLDS, facts, policy, spending
from tests.transactions.core.test_decision import ALLOW, DENY, HOLD, codes, judge
from transactions.decisions.core.activity import (
    RECENT_KEPT,
    RecentRequest,
    count_request,
    no_activity,
)
from transactions.decisions.core.facts import MerchantHistory
from transactions.decisions.core.outcome import Outcome
from transactions.risk.core.likeness import is_near_spelling
from transactions.spending.core.decision import decide

AMAZON_ONLY = policy(allowed_merchants=("Amazon",))
ANYWHERE = policy(allowed_merchants=None)


def recent(amount_minor=49_99, merchant="Amazon", *, seconds=120, currency="USD"):
    return RecentRequest(
        amount_minor, currency, merchant_key(merchant), NOW - timedelta(seconds=seconds)
    )


def after(*requests, request=None, **values):
    activity = replace(no_activity(NOW), recent=requests)
    return facts(request or spending(), activity=activity, **values)


@pytest.mark.parametrize(
    "merchant",
    [
        "Arnazon", "amaz0n", "Am\u0430zon", "Ama\u200bzon", "Am\u00e1zon", "A-mazon",
        "amazon.com.evil", "www.amazon.com", "secure-amaz0n.com", "amazon ",
    ],
)  # fmt: skip
def test_e10_what_passes_for_an_allowed_merchant_is_denied_and_both_are_named(merchant):
    verdict = decide(facts(spending(merchant=merchant)), AMAZON_ONLY, THRESHOLDS)

    assert verdict.outcome is DENY
    assert codes(verdict)[:2] == ["merchant_not_allowed", "merchant_lookalike"]
    told = verdict.findings[1]
    assert told.outcome is DENY
    assert told.message.isascii()
    assert told.message.endswith("can be taken for Amazon.")


@pytest.mark.parametrize("merchant", ["Target", "Amazonia Travel", "Zon", "evil.com"])
def test_another_name_is_no_disguise(merchant):
    assert judge(facts(spending(merchant=merchant)), AMAZON_ONLY) == (
        DENY,
        ["merchant_not_allowed"],
    )


def test_a_listed_name_is_no_disguise_of_another_listed_one():
    both = policy(
        allowed_merchants=("Amazon", "Arnazon"),
    )

    assert judge(facts(spending(merchant="Arnazon")), both)[0] is ALLOW


def test_e9_a_name_like_a_known_merchants_is_held_until_a_human_let_it_pass():
    seen = MerchantHistory(lookalikes=("amazon",))
    known = facts(spending(merchant="Arnazon"), merchant=seen)

    verdict = decide(known, ANYWHERE, THRESHOLDS)

    assert (verdict.outcome, codes(verdict)) == (HOLD, ["merchant_lookalike"])
    assert verdict.findings[0].message == "Arnazon can be taken for amazon."
    assert verdict.risk.merchant == 10_000
    approved = replace(known, merchant=replace(seen, allowed_count=1))
    assert judge(approved, ANYWHERE)[0] is ALLOW


@pytest.mark.parametrize(
    ("amount_minor", "before", "outcome"),
    [
        (100_00, 99_00, HOLD),
        (100_00, 98_99, ALLOW),
        (99_00, 100_00, HOLD),
        (98_99, 100_00, ALLOW),
        (100_00, 99_99, HOLD),
        (100_00, 100_01, HOLD),
        (1, 2, ALLOW),
    ],
)
def test_j3_near_is_one_percent_of_the_larger_amount(amount_minor, before, outcome):
    assert judge(after(recent(before), request=spending(amount_minor)))[0] is outcome


@pytest.mark.parametrize(
    ("seconds", "outcome"),
    [(0, HOLD), (599, HOLD), (600, ALLOW), (-599, HOLD), (-600, ALLOW)],
)
def test_a_near_repeat_is_held_for_ten_minutes_whichever_way_the_clock_went(
    seconds, outcome
):
    assert judge(after(recent(49_98, seconds=seconds)))[0] is outcome


@pytest.mark.parametrize(
    ("merchant", "outcome"),
    [
        ("Amazon", ALLOW),  # A fixed price: a second seat, another top-up.
        ("AMAZON", ALLOW),
        ("Arnazon", HOLD),
        ("Amazom", HOLD),
        ("Amazon 2", ALLOW),
        ("Walmart", ALLOW),
    ],
)
def test_the_same_amount_is_a_repeat_only_under_another_spelling(merchant, outcome):
    known = after(recent(), request=spending(merchant=merchant))

    found, told = judge(known, ANYWHERE)

    assert found is outcome
    assert told == (["near_duplicate"] if outcome is HOLD else ["allowed_by_policy"])


def test_a_near_repeat_tells_of_what():
    known = after(recent(49_50, "Caf\u00e9 X"), request=spending(merchant="Cafe X"))

    verdict = decide(known, ANYWHERE, THRESHOLDS)

    assert [finding.message for finding in verdict.findings] == [
        "Nearly the same as 49.50 USD at caf\\xe9 x moments ago."
    ]


def test_amounts_of_two_currencies_are_never_compared():
    assert judge(after(recent(49_98, currency="JPY")))[0] is ALLOW


def test_only_what_may_move_money_is_remembered_and_only_the_last_eight():
    activity = no_activity(NOW)
    for number in range(20):
        outcome = (Outcome.ALLOW, Outcome.HOLD, Outcome.DENY)[number % 3]
        activity = count_request(
            activity,
            amount_minor=number,
            outcome=outcome,
            now=NOW,
            recent=recent(number),
        )

    amounts = [each.amount_minor for each in activity.recent]
    assert len(amounts) == RECENT_KEPT
    assert amounts == [7, 9, 10, 12, 13, 15, 16, 18, 19][-RECENT_KEPT:]


@pytest.mark.parametrize(
    ("name", "other", "is_near"),
    [
        ("amazon", "amazom", True),
        ("amazon", "amazonn", True),
        ("amazon", "amzon", True),
        ("amazon", "maazon", True),
        ("amazon", "amaozn", True),
        ("amazon", "Amazon", False),
        ("amazon", "amazzonn", False),
        ("amazon", "aamzno", False),
        ("amazon", "amazon2", False),
        ("store 12", "store 13", False),
        ("store 12", "store 1", False),
        ("dhl", "dpl", False),
        ("amazon", "walmart", False),
    ],
)
def test_a_near_spelling_differs_by_one_letter(name, other, is_near):
    assert is_near_spelling(name, other) is is_near
    assert is_near_spelling(other, name) is is_near


@given(spellings("Amazon"))
def test_e9_every_spelling_of_an_allowed_merchant_is_a_look_alike(spelling):
    name, disguise = spelling
    if merchant_key(disguise) == merchant_key(name):
        return

    found = codes(decide(facts(spending(5_00, disguise)), AMAZON_ONLY, THRESHOLDS))
    assert "merchant_lookalike" in found


@pytest.mark.parametrize("name", ["\u1d00mazon", "AMAZ\u00d8N", "Amazon\u3164"])
def test_e9_letters_beside_the_usual_ones_are_look_alikes_too(name):
    known = facts(spending(5_00, name))

    assert "merchant_lookalike" in codes(decide(known, AMAZON_ONLY, THRESHOLDS))
    before = replace(AMAZON_ONLY, looks=LOOKS_2)
    assert ("merchant_lookalike" in codes(decide(known, before, THRESHOLDS))) is (
        "\u3164" in name
    )
