"""Every read of this app: what decisions need, and what people and agents may see."""

from __future__ import annotations

from transactions.queries.answers import StoredAnswer
from transactions.queries.approvals import (
    approval_for,
    approval_queue,
    approval_votes,
    approvals_in_scope,
    etag_of,
    page_digest,
    progress_of,
    with_details,
    with_votes,
)
from transactions.queries.approvers import delegations_of, possible_delegates
from transactions.queries.budgets import (
    Counted,
    Level,
    budgets_of_team,
    levels_of,
    shared_budgets_for,
    shared_levels,
)
from transactions.queries.calls import (
    CallSnapshot,
    call_snapshot,
    calls_of_agent,
    calls_visible_to,
    one_call,
    represented_calls,
)
from transactions.queries.decisions import Snapshot, snapshot_for
from transactions.queries.locking import LockedBudget, LockedSpender, lock_spender
from transactions.queries.reading import (
    Dashboard,
    Hour,
    dashboard_for,
    decisions_by_hour,
    page_of_transactions,
    represented,
    transaction_for,
    transaction_of_agent,
    transactions_of_agent,
    transactions_visible_to,
)
from transactions.queries.receipts import signed_receipt
from transactions.queries.records import (
    record_of,
    replay_of,
    replays,
    replays_ahead,
    request_of,
)
from transactions.queries.simulation import (
    MerchantTrial,
    Simulated,
    merchant_trial,
    simulated_under,
)
from transactions.queries.waiting import (
    Held,
    Waiting,
    imitated_by,
    nobody_decides,
    waiting_for,
    waits_for_nobody,
    worst_first,
)

__all__ = [
    "CallSnapshot",
    "Counted",
    "Dashboard",
    "Held",
    "Hour",
    "Level",
    "LockedBudget",
    "LockedSpender",
    "MerchantTrial",
    "Simulated",
    "Snapshot",
    "StoredAnswer",
    "Waiting",
    "approval_for",
    "approval_queue",
    "approval_votes",
    "approvals_in_scope",
    "budgets_of_team",
    "call_snapshot",
    "calls_of_agent",
    "calls_visible_to",
    "dashboard_for",
    "decisions_by_hour",
    "delegations_of",
    "etag_of",
    "imitated_by",
    "levels_of",
    "lock_spender",
    "merchant_trial",
    "nobody_decides",
    "one_call",
    "page_digest",
    "page_of_transactions",
    "possible_delegates",
    "progress_of",
    "record_of",
    "replay_of",
    "replays",
    "replays_ahead",
    "represented",
    "represented_calls",
    "request_of",
    "shared_budgets_for",
    "shared_levels",
    "signed_receipt",
    "simulated_under",
    "snapshot_for",
    "transaction_for",
    "transaction_of_agent",
    "transactions_of_agent",
    "transactions_visible_to",
    "waiting_for",
    "waits_for_nobody",
    "with_details",
    "with_votes",
    "worst_first",
]
