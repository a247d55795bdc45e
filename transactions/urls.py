from __future__ import annotations

from django.urls import path

from transactions import views

app_name = "transactions"

urlpatterns = [
    path("approvals/", views.approval_queue_page, name="approval-queue"),
    path("approvals/<str:approval_id>/", views.approval_detail, name="approval-detail"),
    path("transactions/", views.transaction_list, name="transaction-list"),
    path(
        "transactions/<str:transaction_id>/",
        views.transaction_detail,
        name="transaction-detail",
    ),
    path("dashboard/", views.dashboard, name="dashboard"),
]
