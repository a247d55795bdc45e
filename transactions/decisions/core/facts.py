"""What decide() may know: frozen values, gathered by the shell beforehand.

Amounts are minor units of the request's currency; instants are aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from security.alerts.core.thresholds import RISK_ELEVATED_BP, RISK_LIMIT_BP
from transactions.decisions.core.activity import Activity


@dataclass(frozen=True, slots=True)
class SpendingRequest:
    """What the agent asks for, already well-formed; "" is not known.

    `unknown_category` is what it wrote where that names no category of ours; the
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
    """What passed between this agent and this merchant before.

    `lookalikes` are keys of other merchants this one's name can be taken for, at which
    the agent was allowed to spend; `lookalike_names` are the names of the same, which
    older records lack.
    """

    allowed_count: int = 0
    last_amount_minor: int = 0
    last_request_at: datetime | None = None
    lookalikes: tuple[str, ...] = ()
    lookalike_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spent:
    """What counts against a limit of the policy: set aside or taken, and how often."""

    scope: str
    window: str
    used_minor: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class SharedSpent:
    """A budget that the agent shares with others, as it stands."""

    id: str
    name: str
    limit_minor: int
    used_minor: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything behind a decision but the policy and the thresholds.

    `credential_is_live` is about the credential that asks, hence true where a human
    approves and none does.
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
    """Where a score or a count turns into hold or deny."""

    risk_hold_above_bp: int = RISK_ELEVATED_BP
    risk_deny_above_bp: int = RISK_LIMIT_BP
    waiting_approvals_max: int = 20
    repeat_window_s: int = 60
    split_from_percent: int = 80
    near_duplicate_window_s: int = 600
    near_duplicate_percent: int = 1
