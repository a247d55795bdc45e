"""Merchant names that imitate others, and requests that nearly repeat a recent one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.core.confusables import is_near_spelling, skeleton
from agents.core.merchants import ascii_name, is_suspicious_merchant
from agents.core.money import format_amount
from agents.core.policy import PolicyRules
from transactions.decisions.core.activity import RecentRequest
from transactions.decisions.core.facts import (
    Facts,
    MerchantHistory,
    SpendingRequest,
    Thresholds,
)
from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.reasons import Finding

HOLD, DENY = Outcome.HOLD, Outcome.DENY
_LABELS = re.compile(r"[.\-]")


def is_imposter(merchant: str, history: MerchantHistory) -> bool:
    """Return whether a name is deceptive, or resembles a merchant this agent knows.

    A resemblance no longer counts once the agent was allowed to pay the merchant.
    """
    if is_suspicious_merchant(merchant):
        return True
    return bool(history.lookalikes) and history.allowed_count == 0


def lookalike_findings(facts: Facts, policy: PolicyRules) -> Iterator[Finding]:
    """Find a merchant that the name imitates: deny if the policy lists it or hold."""
    name, history = facts.request.merchant, facts.merchant
    imitated = _imitated(facts.request, policy)
    if imitated is not None:
        yield _lookalike(name, imitated, DENY)
    elif is_imposter(name, history):
        known = (*history.lookalike_names, *history.lookalikes, skeleton(name))
        yield _lookalike(name, known[0], HOLD)


def near_duplicate(facts: Facts, thresholds: Thresholds) -> RecentRequest | None:
    """Return the recent request that this one nearly repeats, or None.

    The amounts must be within 1 %. At the same merchant they must differ, because an
    equal amount may be a price: only is_repeated() holds it, within a minute. At
    another merchant the name must look the same or differ by one letter.
    """
    for recent in reversed(facts.activity.recent):
        age_s = abs((facts.now - recent.at).total_seconds())
        if age_s < thresholds.near_duplicate_window_s and _is_near(
            facts.request, recent, thresholds.near_duplicate_percent
        ):
            return recent
    return None


def near_duplicate_findings(facts: Facts, thresholds: Thresholds) -> Iterator[Finding]:
    """Hold a request that nearly repeats one of the agent's last ones."""
    recent = near_duplicate(facts, thresholds)
    if recent is None:
        return
    values = {
        "amount": f"{format_amount(recent.amount_minor, recent.currency)} "
        f"{recent.currency}",
        "merchant": ascii_name(recent.merchant or recent.merchant_key),
    }
    yield Finding("pattern", "near_duplicate", HOLD, values)


def _imitated(request: SpendingRequest, policy: PolicyRules) -> str | None:
    """Return the allowed merchant that the name of another merchant imitates.

    Compares the look of the whole name, and of each part of a name that resembles an
    address, such as amazon.com.evil.
    """
    allowed = policy.allowed_merchants
    if allowed is None or request.merchant_key in allowed:
        return None
    parts = _LABELS.split(request.merchant) if "." in request.merchant else []
    looks = (skeleton(part) for part in (request.merchant, *parts) if part)
    names = map(policy.merchants_by_skeleton.get, looks)
    return next((name for name in names if name is not None), None)


def _lookalike(name: str, other: str, outcome: Outcome) -> Finding:
    values = {"merchant": ascii_name(name), "other": ascii_name(other)}
    return Finding("merchant", "merchant_lookalike", outcome, values)


def _is_near(request: SpendingRequest, recent: RecentRequest, percent: int) -> bool:
    one, other = sorted((request.amount_minor, recent.amount_minor))
    if request.currency != recent.currency or (other - one) * 100 > other * percent:
        return False
    if request.merchant_key == recent.merchant_key:
        return one != other
    names = request.merchant_key, recent.merchant_key
    return skeleton(names[0]) == skeleton(names[1]) or is_near_spelling(*names)
