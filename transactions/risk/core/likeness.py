"""Merchant names that imitate others, and requests that nearly repeat a recent one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.core.merchants import ascii_name, is_suspicious_merchant
from agents.core.money import format_amount
from agents.policy.core.policy import PolicyRules
from audit.base.core.lookalikes import Looks
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
NEAR_LENGTH_MIN = 5  # Shorter names differ by one letter all the time: DHL, DPD.


def is_imposter(merchant: str, history: MerchantHistory, looks: Looks) -> bool:
    """Return whether a name is deceptive, or resembles a merchant this agent knows.

    A resemblance no longer counts once the agent was allowed to pay the merchant.
    """
    if is_suspicious_merchant(merchant, looks):
        return True
    return bool(history.lookalikes) and history.allowed_count == 0


def lookalike_findings(facts: Facts, policy: PolicyRules) -> Iterator[Finding]:
    """Find a merchant that the name imitates: deny if the policy lists it or hold."""
    name, history = facts.request.merchant, facts.merchant
    imitated = _imitated(facts.request, policy)
    if imitated is not None:
        yield _lookalike(name, imitated, DENY)
    elif is_imposter(name, history, policy.looks):
        look = policy.looks.skeleton(name)
        known = (*history.lookalike_names, *history.lookalikes, look)
        yield _lookalike(name, known[0], HOLD)


def near_duplicate(
    facts: Facts, thresholds: Thresholds, looks: Looks
) -> RecentRequest | None:
    """Return the recent request that this one nearly repeats, or None.

    The amounts must be within 1 %. At the same merchant they must differ, because an
    equal amount may be a price: only is_repeated() holds it, within a minute. At
    another merchant the name must look the same or differ by one letter.
    """
    for recent in reversed(facts.activity.recent):
        age_s = abs((facts.now - recent.at).total_seconds())
        is_recent = age_s < thresholds.near_duplicate_window_s
        percent = thresholds.near_duplicate_percent
        if is_recent and _is_near(facts.request, recent, percent, looks):
            return recent
    return None


def near_duplicate_findings(
    facts: Facts, policy: PolicyRules, thresholds: Thresholds
) -> Iterator[Finding]:
    """Hold a request that nearly repeats one of the agent's last ones."""
    recent = near_duplicate(facts, thresholds, policy.looks)
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
    allowed = policy.merchant_keys
    if allowed is None or request.merchant_key in allowed:
        return None
    parts = _LABELS.split(request.merchant) if "." in request.merchant else []
    looks = (policy.looks.skeleton(part) for part in (request.merchant, *parts) if part)
    names = map(policy.merchants_by_skeleton.get, looks)
    return next((name for name in names if name is not None), None)


def _lookalike(name: str, other: str, outcome: Outcome) -> Finding:
    values = {"merchant": ascii_name(name), "other": ascii_name(other)}
    return Finding("merchant", "merchant_lookalike", outcome, values)


def _is_near(
    request: SpendingRequest, recent: RecentRequest, percent: int, looks: Looks
) -> bool:
    one, other = sorted((request.amount_minor, recent.amount_minor))
    if request.currency != recent.currency or (other - one) * 100 > other * percent:
        return False
    if request.merchant_key == recent.merchant_key:
        return one != other
    names = request.merchant_key, recent.merchant_key
    return looks.skeleton(names[0]) == looks.skeleton(names[1]) or is_near_spelling(
        *names
    )


def is_near_spelling(name: str, other: str) -> bool:
    """Return whether two names differ by one letter: added, left out, other, swapped.

    Digits distinguish branches and customers (Store 12, Store 13), so they count.
    """
    one, two = sorted((name.casefold(), other.casefold()), key=len)
    if len(one) < NEAR_LENGTH_MIN or len(two) - len(one) > 1 or one == two:
        return False
    pairs = zip(one, two, strict=False)
    start = next((n for n, (a, b) in enumerate(pairs) if a != b), len(one))
    if len(one) < len(two):
        return not two[start].isdigit() and one[start:] == two[start + 1 :]
    if one[start].isdigit() or two[start].isdigit():
        return False
    is_swapped = one[start : start + 2] == two[start : start + 2][::-1]
    rest = start + (2 if is_swapped else 1)
    return one[rest:] == two[rest:]
