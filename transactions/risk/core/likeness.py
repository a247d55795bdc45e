"""Names that pass for others, and requests that are nearly one made moments ago."""

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
    """Tell whether a name is a disguise, or passes for one this agent knows.

    Once a human let the agent pay it, a name that resembles another is its own.
    """
    if is_suspicious_merchant(merchant):
        return True
    return bool(history.lookalikes) and history.allowed_count == 0


def lookalike_findings(facts: Facts, policy: PolicyRules) -> Iterator[Finding]:
    """Whom the merchant's name can be taken for: deny if the policy allows those."""
    name, history = facts.request.merchant, facts.merchant
    imitated = _imitated(facts.request, policy)
    if imitated is not None:
        yield _lookalike(name, imitated, DENY)
    elif is_imposter(name, history):
        known = (*history.lookalike_names, *history.lookalikes, skeleton(name))
        yield _lookalike(name, known[0], HOLD)


def near_duplicate(facts: Facts, thresholds: Thresholds) -> RecentRequest | None:
    """Return the recent request that this one nearly repeats, or None.

    Nearly is an amount within 1 %: another amount at the same merchant, or any at a
    name that looks like it or differs by a letter. The very same amount at the very
    same merchant is a price; only is_repeated() holds it, within a minute.
    """
    for recent in reversed(facts.activity.recent):
        age_s = abs((facts.now - recent.at).total_seconds())
        if age_s < thresholds.near_duplicate_window_s and _is_near(
            facts.request, recent, thresholds.near_duplicate_percent
        ):
            return recent
    return None


def near_duplicate_findings(facts: Facts, thresholds: Thresholds) -> Iterator[Finding]:
    """Hold what nearly repeats one of the agent's last requests."""
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
    """Return the allowed merchant that a name which is not allowed passes for.

    By its look as a whole, or by a part of what reads like an address: amazon.com.evil.
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
