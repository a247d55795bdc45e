"""Every write of this app, one public function per use case."""

from __future__ import annotations

from transactions.services.approvals import (
    approve,
    deny_approval,
    expire_due_approvals,
    view_approval,
)
from transactions.services.asking import Answer, Ask
from transactions.services.calls import request_function_call
from transactions.services.captures import capture, increment, refund, void
from transactions.services.late_captures import report_late_capture
from transactions.services.lifecycle import cancel, expire_due_authorizations
from transactions.services.replays import Replayed, Today, replay_decision
from transactions.services.shared_budgets import SharedBudgetTerms, set_shared_budget
from transactions.services.spending import request_transaction

__all__ = [
    "Answer",
    "Ask",
    "Replayed",
    "SharedBudgetTerms",
    "Today",
    "approve",
    "cancel",
    "capture",
    "deny_approval",
    "expire_due_approvals",
    "expire_due_authorizations",
    "increment",
    "refund",
    "replay_decision",
    "report_late_capture",
    "request_function_call",
    "request_transaction",
    "set_shared_budget",
    "view_approval",
    "void",
]
