"""The example agent and the facts of a plain request, for the core's tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from agents.core.merchants import merchant_key
from agents.policy.core.policy import PolicyRules
from transactions.decisions.core.activity import Activity, no_activity
from transactions.decisions.core.facts import (
    Facts,
    MerchantHistory,
    SpendingRequest,
    Thresholds,
)

NOW = datetime(2025, 3, 4, 15, 30, tzinfo=UTC)
THRESHOLDS = Thresholds()

# Security Considerations, "Agent Permissions": AGENT_PERMISSIONS["shopping"].
SHOPPING = PolicyRules(
    id="pol_shopping",
    number=1,
    currency="USD",
    max_transaction_amount_minor=1000_00,
    requires_approval_above_minor=500_00,
    max_transactions_per_hour=None,
    allowed_merchants=("Amazon", "Walmart"),
    blocked_categories=("gambling", "adult"),
    allowed_functions=(),
    requires_signature=False,
)


def policy(**terms: Any) -> PolicyRules:
    """Return the specification's policy with other terms."""
    return replace(SHOPPING, **terms)


def spending(
    amount_minor: int = 49_99, merchant: str = "Amazon", **values: Any
) -> SpendingRequest:
    """Return the specification's request with other values."""
    given: dict[str, Any] = {
        "currency": "USD",
        "category": "electronics",
        "description": "",
    } | values
    return SpendingRequest(
        amount_minor=amount_minor,
        merchant=merchant,
        merchant_key=merchant_key(merchant),
        **given,
    )


def asked_before(
    requests: int = 0, *, just_below: int = 0, now: datetime = NOW
) -> Activity:
    """Return the counters of an agent that asked so often in the running minute."""
    start = no_activity(now)
    return replace(
        start,
        requests_by_minute=(*start.requests_by_minute[:-1], requests),
        just_below_by_minute=(*start.just_below_by_minute[:-1], just_below),
    )


def facts(request: SpendingRequest | None = None, **values: Any) -> Facts:
    """Return the facts of an agent that never asked before."""
    given: dict[str, Any] = {
        "agent_is_active": True,
        "owner_is_active": True,
        "credential_is_live": True,
        "locks": (),
        "activity": no_activity(NOW),
        "merchant": MerchantHistory(),
        "spent": (),
        "shared": (),
        "now": NOW,
    }
    return Facts(request=request or spending(), **given | values)
