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
from transactions.queries.receipts import signed_receipt
from transactions.queries.records import record_of, replay_of, replays

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
    "record_of",
    "replay_of",
    "replays",
    "shared_budgets_for",
    "signed_receipt",
    "snapshot_for",
    "transaction_for",
    "transaction_of_agent",
    "transactions_of_agent",
    "transactions_visible_to",
]
