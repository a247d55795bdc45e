"""The four factors and their mean, in whole basis points."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given

from tests.transactions.core import strategies as any_
from tests.transactions.core.cases import (
    NOW,
    THRESHOLDS,
    asked_before,
    facts,
    policy,
    spending,
)
from transactions.decisions.core.activity import no_activity
from transactions.decisions.core.facts import MerchantHistory
from transactions.decisions.core.verdict import ONE, RiskFactors
from transactions.risk.core.score import (
    amount_risk,
    assess,
    merchant_risk,
    pattern_risk,
    risk_level,
    velocity_risk,
)

KNOWN = replace(
    no_activity(NOW),
    # 100, 100, 100, 100 and 200: the mean is 120, the deviation 40.
    allowed_count=5,
    allowed_sum_minor=600,
    allowed_sum_of_squares=80_000,
)


@given(any_.risk_factors)
def test_the_score_is_the_mean_rounded_up(factors):
    mean = Fraction(sum(factors.as_tuple()), 4)

    assert factors.score_bp == math.ceil(mean)
    assert 0 <= factors.score_bp <= ONE


@pytest.mark.parametrize(
    ("factors", "score"),
    [
        ((0, 0, 0, 0), 0),
        ((1, 0, 0, 0), 1),
        ((8_000, 8_000, 8_000, 8_000), 8_000),
        ((8_000, 8_000, 8_000, 8_001), 8_001),
        ((10_000, 10_000, 10_000, 2_000), 8_000),
        ((10_000, 10_000, 10_000, 10_000), 10_000),
    ],
)
def test_the_mean_of_four(factors, score):
    assert RiskFactors(*factors).score_bp == score


@pytest.mark.parametrize("value", [-1, 10_001, float("nan"), None, "5000"])
def test_j8_a_factor_outside_of_its_range_is_refused(value):
    with pytest.raises((ValueError, TypeError)):
        RiskFactors(value, 0, 0, 0)


@pytest.mark.parametrize(
    ("score", "level"),
    [
        (0, "normal"),
        (6_000, "normal"),
        (6_001, "elevated"),
        (8_000, "elevated"),
        (8_001, "high"),
        (10_000, "high"),
    ],
)
def test_levels_begin_above_their_limits(score, level):
    assert risk_level(score) == level


@given(any_.all_facts, any_.policies(), any_.thresholds)
def test_every_factor_stays_in_its_range(known, rules, thresholds):
    values = assess(known, rules, thresholds).as_tuple()

    assert len(values) == 4
    assert 0 <= min(values) <= max(values) <= ONE


@pytest.mark.parametrize(
    ("amount_minor", "risk"),
    [(1, 0), (500_00, 3_000), (1000_00, 6_000), (5000_00, 6_000)],
)
def test_without_a_history_the_amount_counts_by_the_maximum(amount_minor, risk):
    assert amount_risk(facts(spending(amount_minor)), policy()) == risk


@pytest.mark.parametrize(
    ("amount_minor", "risk"),
    [(1, 0), (120, 0), (160, 2_500), (200, 5_000), (280, 10_000), (10**12, 10_000)],
)
def test_with_a_history_the_amount_counts_by_deviations(amount_minor, risk):
    known = facts(spending(amount_minor), activity=KNOWN)

    assert amount_risk(known, policy()) == risk


def test_constant_amounts_do_not_make_a_cent_more_an_outlier():
    constant = replace(KNOWN, allowed_sum_minor=500, allowed_sum_of_squares=50_000)

    # The deviation is at least a quarter of the mean: 25.
    assert amount_risk(facts(spending(101), activity=constant), policy()) == 100


@pytest.mark.parametrize(
    ("allowed", "risk"), [(0, 5_000), (1, 2_500), (4, 1_000), (9_999, 0)]
)
def test_a_merchant_becomes_familiar(allowed, risk):
    assert merchant_risk(facts(merchant=MerchantHistory(allowed)), policy()) == risk


def test_a_lookalike_never_becomes_familiar():
    known = facts(spending(1, "Am\u0430zon"), merchant=MerchantHistory(1_000))

    assert merchant_risk(known, policy()) == ONE


@pytest.mark.parametrize(
    ("limit", "requests", "risk"),
    [(None, 0, 0), (None, 30, 5_000), (None, 60, ONE), (10, 9, 9_000), (10, 50, ONE)],
)
def test_velocity_is_a_share_of_what_is_permitted(limit, requests, risk):
    activity = asked_before(requests)
    rules = policy(max_transactions_per_hour=limit)

    assert velocity_risk(facts(activity=activity), rules) == risk


@pytest.mark.parametrize(
    ("amount_minor", "risk"),
    [(474_99, 0), (475_00, 3_000), (500_00, 3_000), (900_00, 3_000)],
)
def test_amounts_from_just_short_of_approval_on_are_a_pattern(amount_minor, risk):
    known = facts(spending(amount_minor))

    assert pattern_risk(known, policy(), THRESHOLDS) == risk
    none = policy(requires_approval_above_minor=None)
    assert pattern_risk(known, none, THRESHOLDS) == 0


@pytest.mark.parametrize(
    ("busy_hours", "risk"),
    [({3: 24}, 4_000), ({3: 23}, 0), ({15: 24}, 0), ({14: 24}, 0), ({16: 24}, 0)],
)
def test_an_hour_that_is_not_the_agents_own_is_a_pattern(busy_hours, risk):
    counts = tuple(busy_hours.get(hour, 0) for hour in range(24))
    activity = replace(no_activity(NOW), requests_by_hour_of_day=counts)

    assert pattern_risk(facts(activity=activity), policy(), THRESHOLDS) == risk


def test_midnight_has_two_neighbours():
    counts = (0,) * 23 + (24,)
    activity = replace(no_activity(NOW), requests_by_hour_of_day=counts)
    known = facts(activity=activity, now=NOW.replace(hour=0))

    assert pattern_risk(known, policy(), THRESHOLDS) == 0


def test_patterns_add_up_to_one_at_most():
    counts = tuple(24 if hour == 3 else 0 for hour in range(24))
    known = facts(
        spending(500_00),
        activity=replace(no_activity(NOW), requests_by_hour_of_day=counts),
        merchant=MerchantHistory(0, 500_00, NOW - timedelta(seconds=1)),
    )

    assert pattern_risk(known, policy(), THRESHOLDS) == ONE
