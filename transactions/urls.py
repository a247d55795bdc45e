from __future__ import annotations

from django.urls import path

from transactions.approvals import views as approvals
from transactions.approvers import views as delegations
from transactions.dashboard import views as records
from transactions.hand_overs import views as hand_overs
from transactions.money import views as giving_back
from transactions.simulation import views as simulations

app_name = "transactions"

urlpatterns = [
    path("approvals/", approvals.approval_queue_page, name="approval-queue"),
    path("approvals/selected/", approvals.approve_selected, name="approval-selected"),
    path(
        "approvals/delegations/",
        delegations.delegation_list,
        name="approval-delegations",
    ),
    path(
        "approvals/delegations/<str:delegation_id>/revoke/",
        delegations.delegation_revoke,
        name="approval-delegation-revoke",
    ),
    path(
        "approvals/<str:approval_id>/",
        approvals.approval_detail,
        name="approval-detail",
    ),
    path("transactions/", records.transaction_list, name="transaction-list"),
    path(
        "transactions/<str:transaction_id>/",
        records.transaction_detail,
        name="transaction-detail",
    ),
    path(
        "transactions/<str:transaction_id>/give-back/",
        giving_back.give_back,
        name="transaction-give-back",
    ),
    path(
        "agents/<str:agent_id>/hand-over/",
        hand_overs.agent_hand_over,
        name="agent-hand-over",
    ),
    path(
        "agents/<str:agent_id>/simulate/",
        simulations.policy_simulation,
        name="policy-simulation",
    ),
    path("dashboard/", records.dashboard, name="dashboard"),
]
