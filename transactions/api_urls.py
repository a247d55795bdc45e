from __future__ import annotations

from django.urls import path

from transactions.api import (
    calls,
    delegations,
    hand_overs,
    late_captures,
    money,
    records,
    simulations,
    views,
)

one = "transactions/<str:transaction_id>/"

urlpatterns = [
    path("transactions/", views.TransactionListCreateView.as_view()),
    path(one, views.TransactionDetailView.as_view()),
    path(f"{one}decision/", views.DecisionView.as_view()),
    path(f"{one}replay/", records.ReplayView.as_view()),
    path(f"{one}receipt/", records.ReceiptView.as_view()),
    path(f"{one}approve/", views.ApproveView.as_view()),
    path(f"{one}deny/", views.DenyView.as_view()),
    path(f"{one}cancel/", views.CancelView.as_view()),
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
