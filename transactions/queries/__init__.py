"""Every read of this app: what decisions need, and what people and agents may see."""

from __future__ import annotations

from transactions.queries.budgets import Counted, Level, levels_of, shared_budgets_for
from transactions.queries.decisions import Snapshot, StoredAnswer, snapshot_for
from transactions.queries.locking import LockedBudget, LockedSpender, lock_spender
from transactions.queries.reading import (
    Dashboard,
    Hour,
    approval_for,
    approval_queue,
    dashboard_for,
    decisions_by_hour,
    etag_of,
    page_of_transactions,
    transaction_for,
    transaction_of_agent,
    transactions_of_agent,
    transactions_visible_to,
)

__all__ = [
    "Counted",
    "Dashboard",
    "Hour",
    "Level",
    "LockedBudget",
    "LockedSpender",
    "Snapshot",
    "StoredAnswer",
    "approval_for",
    "approval_queue",
    "dashboard_for",
    "decisions_by_hour",
    "etag_of",
    "levels_of",
    "lock_spender",
    "page_of_transactions",
    "shared_budgets_for",
    "snapshot_for",
    "transaction_for",
    "transaction_of_agent",
    "transactions_of_agent",
    "transactions_visible_to",
]
