"""The tables of every feature, where Django looks for them."""

from __future__ import annotations

from transactions.approvals.models import ApprovalRequest as ApprovalRequest
from transactions.approvals.models import ApprovalVote as ApprovalVote
from transactions.approvers.models import ApprovalDelegation as ApprovalDelegation
from transactions.approvers.models import ApproverLimit as ApproverLimit
from transactions.budgets.models import Budget as Budget
from transactions.budgets.models import LedgerEntry as LedgerEntry
from transactions.budgets.models import Reservation as Reservation
from transactions.budgets.models import SharedBudget as SharedBudget
from transactions.calls.models import FunctionCall as FunctionCall
from transactions.decisions.models import Decision as Decision
from transactions.decisions.models import IdempotencyRecord as IdempotencyRecord
from transactions.money.models import LateCapture as LateCapture
from transactions.money.models import LateCaptureReversal as LateCaptureReversal
from transactions.money.models import Refund as Refund
from transactions.risk.models import AgentActivity as AgentActivity
from transactions.risk.models import MerchantActivity as MerchantActivity
from transactions.spending.models import Transaction as Transaction
