from __future__ import annotations

from django.urls import path

from transactions.approvals.api import ApproveView, DenyView, TransactionDetailView
from transactions.approvers import api as delegations
from transactions.calls import api as calls
from transactions.evidence import api as records
from transactions.hand_overs import api as hand_overs
from transactions.money.api import late_captures, money
from transactions.simulation import api as simulations
from transactions.spending.api.views import (
    CancelView,
    DecisionView,
    TransactionListCreateView,
)

one = "transactions/<str:transaction_id>/"

urlpatterns = [
    path("transactions/", TransactionListCreateView.as_view()),
    path(one, TransactionDetailView.as_view()),
    path(f"{one}decision/", DecisionView.as_view()),
    path(f"{one}replay/", records.ReplayView.as_view()),
    path(f"{one}receipt/", records.ReceiptView.as_view()),
    path(f"{one}approve/", ApproveView.as_view()),
    path(f"{one}deny/", DenyView.as_view()),
    path(f"{one}cancel/", CancelView.as_view()),
    path(f"{one}capture/", money.CaptureView.as_view()),
    path(f"{one}void/", money.VoidView.as_view()),
    path(f"{one}increment/", money.IncrementView.as_view()),
    path(f"{one}refund/", money.RefundView.as_view()),
    path(f"{one}late-capture/", late_captures.LateCaptureView.as_view()),
    path(
        f"{one}late-capture/reverse/", late_captures.LateCaptureReversalView.as_view()
    ),
    path(
        "agents/<str:agent_id>/policy/simulate/",
        simulations.PolicySimulationView.as_view(),
    ),
    path("agents/<str:agent_id>/hand-over/", hand_overs.HandOverView.as_view()),
    path("shared-budgets/", money.SharedBudgetListView.as_view()),
    path("approval-delegations/", delegations.DelegationListCreateView.as_view()),
    path(
        "approval-delegations/<str:delegation_id>/revoke/",
        delegations.DelegationRevokeView.as_view(),
    ),
    path("function-calls/", calls.FunctionCallListCreateView.as_view()),
    path("function-calls/<str:call_id>/", calls.FunctionCallDetailView.as_view()),
]
