"""Transactions in the console."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from agents.policy.core.words import spoken_amount
from audit.base.core.visible import visible
from transactions.approvals.console import WaitingAdmin
from transactions.approvals.models import ApprovalRequest
from transactions.console import CreatedFilter, OutcomeFilter, link
from transactions.decisions.admin import pretty, risk_words
from transactions.spending.models import Transaction


@admin.register(Transaction)
class TransactionAdmin(WaitingAdmin):
    list_display = (
        "created_at",
        "agent",
        "amount",
        "visible_merchant",
        "category",
        "status",
        "waits_for",
        "outcome",
        "risk",
    )
    list_filter = (CreatedFilter, "status", OutcomeFilter)
    list_select_related = ("agent", "decision", "approval")
    fields = (
        "id",
        "agent",
        "status",
        "waits_for",
        "amount",
        "visible_merchant",
        "visible_key",
        "category",
        "merchant_country",
        "mcc",
        "unknown_category",
        "visible_description",
        "readable_metadata",
        "occurred_at",
        "created_at",
        "expires_at",
        "decision_link",
        "approval_link",
    )

    def approval_of(self, row: Transaction) -> ApprovalRequest | None:
        return getattr(row, "approval", None)

    @admin.display(description="amount")
    def amount(self, row: Transaction) -> str:
        return spoken_amount(row.amount_minor, row.currency)

    @admin.display(description="merchant")
    def visible_merchant(self, row: Transaction) -> str:
        return visible(row.merchant)

    @admin.display(description="merchant key")
    def visible_key(self, row: Transaction) -> str:
        return visible(row.merchant_key)

    @admin.display(description="description")
    def visible_description(self, row: Transaction) -> str:
        return visible(row.description, keep="\n\t") or "–"

    @admin.display(description="outcome")
    def outcome(self, row: Transaction) -> str:
        return row.decision.outcome

    @admin.display(description="risk")
    def risk(self, row: Transaction) -> str:
        return risk_words(row.decision)

    @admin.display(description="metadata")
    def readable_metadata(self, row: Transaction) -> SafeString:
        return pretty(row.metadata)

    @admin.display(description="decision")
    def decision_link(self, row: Transaction) -> SafeString:
        return link(row.decision)

    @admin.display(description="approval request")
    def approval_link(self, row: Transaction) -> SafeString | str:
        approval = getattr(row, "approval", None)
        return link(approval) if approval else "–"
