"""The tables of this app."""

from __future__ import annotations

from transactions.models.activity import (
    AgentActivity,
    MerchantActivity,
)
from transactions.models.approvals import (
    ApprovalDelegation,
    ApprovalRequest,
    ApprovalVote,
    ApproverLimit,
)
from transactions.models.asking import (
    Decision,
    FunctionCall,
    IdempotencyRecord,
    Transaction,
)
from transactions.models.money import (
    Budget,
    LateCapture,
    LateCaptureReversal,
    LedgerEntry,
    Refund,
    Reservation,
    SharedBudget,
)

__all__ = [
    "AgentActivity",
    "ApprovalDelegation",
    "ApprovalRequest",
    "ApprovalVote",
    "ApproverLimit",
    "Budget",
    "Decision",
    "FunctionCall",
    "IdempotencyRecord",
    "LateCapture",
    "LateCaptureReversal",
    "LedgerEntry",
    "MerchantActivity",
    "Refund",
    "Reservation",
    "SharedBudget",
    "Transaction",
]
