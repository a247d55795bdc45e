"""The console pages of every feature, where Django looks for them."""

from __future__ import annotations

from transactions.approvals import admin as approvals
from transactions.approvers import admin as approvers
from transactions.budgets import admin as budgets
from transactions.calls import admin as calls
from transactions.dashboard import admin as dashboard
from transactions.decisions import admin as decisions
from transactions.money import admin as money
from transactions.risk import admin as risk

__all__ = [
    "approvals",
    "approvers",
    "budgets",
    "calls",
    "dashboard",
    "decisions",
    "money",
    "risk",
]
