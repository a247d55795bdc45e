"""Approvals in the console."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.policy.core.words import spoken_amount
from transactions.approvals.console import WaitingAdmin
from transactions.approvals.models import ApprovalRequest, ApprovalVote
from transactions.console import CreatedFilter, RecordAdmin


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(WaitingAdmin):
    """Read-only: decisions are made on the approvals page, which shows all details."""

    id_paths = ("pk", "transaction_id", "resolved_by_id")
    ordering = ("-created_at", "-id")
    list_display = (
        "created_at",
        "status",
        "waits_for",
        "amount",
        "agent",
        "expires_at",
        "resolved_by",
    )
    list_filter = (CreatedFilter, "status")
    list_select_related = ("transaction__agent", "resolved_by")
    readonly_fields = ("waits_for",)

    def approval_of(self, row: ApprovalRequest) -> ApprovalRequest:
        return row

    fields = (
        "id",
        "status",
        "decision_page",
        "waits_for",
        "transaction",
        "amount",
        "agent",
        "required_approvals",
        "required_role",
        "created_at",
        "expires_at",
        "escalates_at",
        "escalated_at",
        "notice_due_at",
        "resolved_by",
        "resolved_at",
        "reason",
        "action_digest",
    )

    @admin.display(description="page to decide on it")
    def decision_page(self, row: ApprovalRequest) -> SafeString:
        address = reverse("transactions:approval-detail", args=[row.pk])
        return format_html('<a href="{}">Open the approvals page</a>', address)

    @admin.display(description="amount")
    def amount(self, row: ApprovalRequest) -> str:
        return spoken_amount(row.transaction.amount_minor, row.transaction.currency)

    @admin.display(description="agent")
    def agent(self, row: ApprovalRequest) -> str:
        return row.transaction.agent.name


@admin.register(ApprovalVote)
class ApprovalVoteAdmin(RecordAdmin):
    """Approvals by person, with their delegation. Denials are in the request itself."""

    id_paths = ("pk", "approval_id", "person_id")
    ordering = ("-created_at", "-id")
    list_display = ("created_at", "approval", "person", "delegation", "reason")
    list_filter = (CreatedFilter,)
    list_select_related = (
        "approval",
        "person",
        "delegation__delegator",
        "delegation__delegate",
    )
