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
from transactions.services.lifecycle import cancel, expire_due_authorizations
from transactions.services.replays import Replayed, Today, replay_decision
from transactions.services.spending import request_transaction

__all__ = [
    "Answer",
    "Ask",
    "Replayed",
    "Today",
    "approve",
    "cancel",
    "deny_approval",
    "expire_due_approvals",
    "expire_due_authorizations",
    "replay_decision",
    "request_function_call",
    "request_transaction",
    "view_approval",
]
