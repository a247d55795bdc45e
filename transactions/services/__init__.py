"""Every write of this app, one public function per use case."""

from __future__ import annotations

from transactions.services.approval_notices import notify_approvers
from transactions.services.approval_times import (
    escalate_due_approvals,
    expire_due_approvals,
)
from transactions.services.approvals import approve, deny_approval, view_approval
from transactions.services.approver_limits import set_approver_limit
from transactions.services.asking import Answer, Ask
from transactions.services.calls import request_function_call
from transactions.services.captures import capture, increment
from transactions.services.delegations import create_delegation, revoke_delegation
from transactions.services.giving_back import refund, void
from transactions.services.hand_overs import hand_over_agent
from transactions.services.late_captures import (
    report_late_capture,
    reverse_late_capture,
)
from transactions.services.lifecycle import cancel, expire_due_authorizations
from transactions.services.replays import (
    Replayed,
    Today,
    replay_decision,
    tell_difference,
)
from transactions.services.retention import retire_idempotency_records
from transactions.services.shared_budgets import SharedBudgetTerms, set_shared_budget
from transactions.services.simulations import DAYS, DAYS_MAX, simulate_policy
from transactions.services.spending import request_transaction

__all__ = [
    "DAYS",
    "DAYS_MAX",
    "Answer",
    "Ask",
    "Replayed",
    "SharedBudgetTerms",
    "Today",
    "approve",
    "cancel",
    "capture",
    "create_delegation",
    "deny_approval",
    "escalate_due_approvals",
    "expire_due_approvals",
    "expire_due_authorizations",
    "hand_over_agent",
    "increment",
    "notify_approvers",
    "refund",
    "replay_decision",
    "report_late_capture",
    "request_function_call",
    "request_transaction",
    "retire_idempotency_records",
    "reverse_late_capture",
    "revoke_delegation",
    "set_approver_limit",
    "set_shared_budget",
    "simulate_policy",
    "tell_difference",
    "view_approval",
    "void",
]
