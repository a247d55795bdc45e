"""The input of decide(): frozen values, loaded beforehand by transactions.queries.

Amounts are minor units of the request's currency; instants are aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from security.alerts.core.thresholds import RISK_ELEVATED_BP, RISK_LIMIT_BP
from transactions.decisions.core.activity import Activity


@dataclass(frozen=True, slots=True)
class SpendingRequest:
    """A validated request of the agent; "" means unknown.

    `unknown_category` is the agent's own text if it is not one of our categories; the
    `category` is then `other`.
    """

    amount_minor: int
    currency: str
    merchant: str
    merchant_key: str
    category: str
    description: str
    merchant_country: str = ""
    mcc: str = ""
    unknown_category: str = ""


@dataclass(frozen=True, slots=True)
class MerchantHistory:
    """The agent's earlier requests at this merchant.

    `lookalikes` are the keys of other merchants with a similar name at which the agent
    was allowed to spend; `lookalike_names` are their names, which older records lack.
    """

    allowed_count: int = 0
    last_amount_minor: int = 0
    last_request_at: datetime | None = None
    lookalikes: tuple[str, ...] = ()
    lookalike_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spent:
    """Amount (reserved or captured) and count used of a limit of the policy."""

    scope: str
    window: str
    used_minor: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class SharedSpent:
    """The present state of a budget that the agent shares with others."""

    id: str
    name: str
    limit_minor: int
    used_minor: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a decision depends on, except the policy and the thresholds.

    `credential_is_live` concerns the requesting credential. When a human approves, no
    credential is used, and it is True.
    """

    request: SpendingRequest
    agent_is_active: bool
    owner_is_active: bool
    credential_is_live: bool
    locks: tuple[str, ...]
    activity: Activity
    merchant: MerchantHistory
    spent: tuple[Spent, ...]
    shared: tuple[SharedSpent, ...]
    now: datetime


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The limits of scores and counts for hold and deny."""

    risk_hold_above_bp: int = RISK_ELEVATED_BP
    risk_deny_above_bp: int = RISK_LIMIT_BP
    waiting_approvals_max: int = 20
    repeat_window_s: int = 60
    split_from_percent: int = 80
    near_duplicate_window_s: int = 600
    near_duplicate_percent: int = 1
