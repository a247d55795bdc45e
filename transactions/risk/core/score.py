"""Fraud risk: four factors in basis points and their plain mean.

Integers throughout, so that a score of exactly 0.80 is not above 0.80.
Source: Security Considerations, "Fraud Detection".
"""

from __future__ import annotations

from math import isqrt

from agents.policy.core.policy import PolicyRules
from agents.policy.core.terms import REFERENCE_REQUESTS_PER_HOUR
from security.alerts.core.thresholds import RISK_ELEVATED_BP, RISK_LIMIT_BP
from transactions.decisions.core.activity import advance, requests_in_last_hour
from transactions.decisions.core.facts import Facts, Thresholds
from transactions.decisions.core.verdict import ONE, RiskFactors
from transactions.risk.core.likeness import is_imposter

KNOWN_AFTER = 5  # Allowed requests before an agent's own mean is used.
NEW_MERCHANT_BP = 5_000
HABIT_AFTER = 24  # Requests before an hour of the day counts as unusual.
UNUSUAL_HOUR_BP = 4_000
REPEATED_BP = 5_000
NEAR_APPROVAL_BP = 3_000


def assess(facts: Facts, policy: PolicyRules, thresholds: Thresholds) -> RiskFactors:
    """Return the four risk factors of a request."""
    return RiskFactors(
        amount=amount_risk(facts, policy),
        merchant=merchant_risk(facts, policy),
        velocity=velocity_risk(facts, policy),
        pattern=pattern_risk(facts, policy, thresholds),
    )


def risk_level(score_bp: int) -> str:
    """Return the level of a score: normal, elevated or high."""
    if score_bp > RISK_LIMIT_BP:
        return "high"
    return "elevated" if score_bp > RISK_ELEVATED_BP else "normal"


def amount_risk(facts: Facts, policy: PolicyRules) -> int:
    """Rate how unusual the amount is for the agent: 0.25 per deviation above its mean.

    Before the agent has a history: the share of the policy's maximum, at most 0.6.
    """
    amount, activity = facts.request.amount_minor, facts.activity
    if activity.allowed_count < KNOWN_AFTER:
        return min(6_000, 6_000 * amount // policy.max_transaction_amount_minor)
    count = activity.allowed_count
    mean = activity.allowed_sum_minor // count
    variance = activity.allowed_sum_of_squares // count - mean**2
    deviation = max(isqrt(max(variance, 0)), mean // 4, 1)
    return _clamp(2_500 * (amount - mean) // deviation)


def merchant_risk(facts: Facts, policy: PolicyRules) -> int:
    """Rate how new the merchant is to this agent; a look-alike name rates highest."""
    if is_imposter(facts.request.merchant, facts.merchant, policy.looks):
        return ONE
    return NEW_MERCHANT_BP // (facts.merchant.allowed_count + 1)


def velocity_risk(facts: Facts, policy: PolicyRules) -> int:
    """Rate the last hour's requests as a share of what the policy permits."""
    limit = policy.max_transactions_per_hour or REFERENCE_REQUESTS_PER_HOUR
    return _clamp(ONE * requests_in_last_hour(facts.activity, facts.now) // limit)


def pattern_risk(facts: Facts, policy: PolicyRules, thresholds: Thresholds) -> int:
    """Rate an unusual hour, repetition, and amounts near or above approval."""
    return _clamp(
        _unusual_hour(facts)
        + (REPEATED_BP if is_repeated(facts, thresholds) else 0)
        + _near_approval(facts.request.amount_minor, policy)
    )


def is_repeated(facts: Facts, thresholds: Thresholds) -> bool:
    """Return whether the same amount was requested at this merchant moments ago."""
    last = facts.merchant.last_request_at
    if last is None or facts.merchant.last_amount_minor != facts.request.amount_minor:
        return False
    return abs((facts.now - last).total_seconds()) < thresholds.repeat_window_s


def _unusual_hour(facts: Facts) -> int:
    by_hour = advance(facts.activity, facts.now).requests_by_hour_of_day
    if sum(by_hour) < HABIT_AFTER:
        return 0
    near = sum(by_hour[(facts.now.hour + step) % 24] for step in (-1, 0, 1))
    return 0 if near else UNUSUAL_HOUR_BP


def _near_approval(amount_minor: int, policy: PolicyRules) -> int:
    """Rate amounts from 95 % of the approval limit up, those above it included.

    Otherwise a higher amount would have a lower risk.
    """
    limit = policy.requires_approval_above_minor
    if limit is None or amount_minor * 100 < limit * 95:
        return 0
    return NEAR_APPROVAL_BP


def _clamp(value: int) -> int:
    return max(0, min(ONE, value))
