"""Refunds and late captures in the console."""

from __future__ import annotations

from django.contrib import admin

from agents.policy.core.words import spoken_amount
from transactions.console import CreatedFilter, MoneyOfTransactionAdmin, RecordAdmin
from transactions.money.models import LateCapture, LateCaptureReversal, Refund


@admin.register(Refund)
class RefundAdmin(MoneyOfTransactionAdmin):
    ordering = ("-id",)
    list_display = ("created_at", "id", "transaction", "amount")
    list_filter = (CreatedFilter,)
    fields = (*list_display, "reason")


@admin.register(LateCapture)
class LateCaptureAdmin(MoneyOfTransactionAdmin):
    ordering = ("-id",)
    list_display = ("created_at", "transaction", "reference", "amount", "reported_by")
    list_filter = (CreatedFilter,)
    fields = list_display
    list_select_related = ("transaction", "reported_by")


@admin.register(LateCaptureReversal)
class LateCaptureReversalAdmin(RecordAdmin):
    id_paths = ("late_capture__transaction_id",)
    search_help_text = "A transaction's whole id."
    ordering = ("-late_capture_id",)
    list_display = ("created_at", "late_capture", "amount", "reason", "requested_by")
    list_filter = (CreatedFilter,)
    fields = list_display
    list_select_related = ("late_capture__transaction", "requested_by")

    @admin.display(description="amount")
    def amount(self, row: LateCaptureReversal) -> str:
        late = row.late_capture
        return spoken_amount(late.amount_minor, late.transaction.currency)
