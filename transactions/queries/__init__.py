"""Every read of this app: what decisions need, and what people and agents may see."""

from __future__ import annotations

from transactions.queries.decisions import Snapshot, StoredAnswer, snapshot_for
from transactions.queries.reading import (
    Dashboard,
    Hour,
    approval_for,
    approval_queue,
    budget_of,
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
    "Dashboard",
    "Hour",
    "Snapshot",
    "StoredAnswer",
    "approval_for",
    "approval_queue",
    "budget_of",
    "dashboard_for",
    "decisions_by_hour",
    "etag_of",
    "page_of_transactions",
    "record_of",
    "replay_of",
    "replays",
    "signed_receipt",
    "snapshot_for",
    "transaction_for",
    "transaction_of_agent",
    "transactions_of_agent",
    "transactions_visible_to",
]
