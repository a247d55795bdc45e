"""Every read of this app: what decisions need, and what people and agents may see."""

from __future__ import annotations

from transactions.queries.approvals import (
    approval_for,
    approval_queue,
    approval_votes,
    approvals_in_scope,
    approvals_waiting,
    etag_of,
    progress_of,
)
from transactions.queries.approvers import delegations_of, possible_delegates
from transactions.queries.decisions import Snapshot, StoredAnswer, snapshot_for
from transactions.queries.reading import (
    Dashboard,
    Hour,
    budget_of,
    dashboard_for,
    decisions_by_hour,
    page_of_transactions,
    represented,
    transaction_for,
    transaction_of_agent,
    transactions_of_agent,
    transactions_visible_to,
)

__all__ = [
    "Dashboard",
    "Hour",
    "Snapshot",
    "StoredAnswer",
    "approval_for",
    "approval_queue",
    "approval_votes",
    "approvals_in_scope",
    "approvals_waiting",
    "budget_of",
    "dashboard_for",
    "decisions_by_hour",
    "delegations_of",
    "etag_of",
    "page_of_transactions",
    "possible_delegates",
    "progress_of",
    "represented",
    "snapshot_for",
    "transaction_for",
    "transaction_of_agent",
    "transactions_of_agent",
    "transactions_visible_to",
]
