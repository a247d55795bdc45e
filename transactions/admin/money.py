"""Money as security staff see it: budgets, what is set aside, where it went."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from audit.admin import HistoryAdmin
from transactions.admin.records import CreatedFilter, RecordAdmin, money
from transactions.models import (
    Budget,
    LateCapture,
    LateCaptureReversal,
    LedgerEntry,
    Refund,
    Reservation,
    SharedBudget,
)


@admin.register(Budget)
class BudgetAdmin(RecordAdmin):
    id_paths = ("pk", "holder")
    search_help_text = "The whole id of a budget, an agent or a shared budget."
    ordering = ("-starts_at", "-id")
    list_display = (
        "holder",
        "scope",
        "window",
        "starts_at",
        "limit",
        "reserved",
        "posted",
        "late",
        "late_above",
        "count",
    )

    @admin.display(description="limit")
    def limit(self, row: Budget) -> str:
        return "–" if row.limit_minor is None else money(row.limit_minor, row.currency)

    @admin.display(description="reserved")
    def reserved(self, row: Budget) -> str:
        return money(row.reserved_minor, row.currency)

    @admin.display(description="posted")
    def posted(self, row: Budget) -> str:
        return money(row.posted_minor, row.currency)

    @admin.display(description="captured late")
    def late(self, row: Budget) -> str:
        return money(row.late_minor, row.currency)

    @admin.display(description="of it above what was set aside")
    def late_above(self, row: Budget) -> str:
        return money(row.late_above_minor, row.currency)


@admin.register(SharedBudget)
class SharedBudgetAdmin(HistoryAdmin):
    """Set by API, for a change waits for the decisions under way."""

    list_display = ("__str__", "currency", "limit", "time_zone", "is_active")
    list_select_related = ("team",)

    @admin.display(description="limit")
    def limit(self, row: SharedBudget) -> str:
        return money(row.limit_minor, row.currency)


class MoneyOfTransactionAdmin(RecordAdmin):
    """What is written about one transaction's money, in its currency."""

    id_paths = ("transaction_id",)
    search_help_text = "A transaction's whole id."
    list_select_related: ClassVar[tuple[str, ...]] = ("transaction",)

    @admin.display(description="amount")
    def amount(self, row: Reservation | LedgerEntry | Refund | LateCapture) -> str:
        return money(row.amount_minor, row.transaction.currency)


@admin.register(Reservation)
class ReservationAdmin(MoneyOfTransactionAdmin):
    ordering = ("-transaction_id",)
    list_display = ("transaction", "amount", "left", "created_at", "resolved_at")
    list_filter = (CreatedFilter,)

    @admin.display(description="still set aside")
    def left(self, row: Reservation) -> str:
        return money(row.outstanding_minor, row.transaction.currency)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(MoneyOfTransactionAdmin):
    ordering = ("-id",)
    list_display = ("created_at", "transaction", "kind", "credit", "debit", "amount")
    list_filter = (CreatedFilter, "kind")


@admin.register(Refund)
class RefundAdmin(MoneyOfTransactionAdmin):
    ordering = ("-id",)
    list_display = ("created_at", "id", "transaction", "amount")
    list_filter = (CreatedFilter,)


@admin.register(LateCapture)
class LateCaptureAdmin(MoneyOfTransactionAdmin):
    ordering = ("-id",)
    list_display = ("created_at", "transaction", "reference", "amount", "reported_by")
    list_filter = (CreatedFilter,)
    list_select_related = ("transaction", "reported_by")


@admin.register(LateCaptureReversal)
class LateCaptureReversalAdmin(RecordAdmin):
    id_paths = ("late_capture__transaction_id",)
    search_help_text = "A transaction's whole id."
    ordering = ("-late_capture_id",)
    list_display = ("created_at", "late_capture", "amount", "reason", "requested_by")
    list_filter = (CreatedFilter,)
    list_select_related = ("late_capture__transaction", "requested_by")

    @admin.display(description="amount")
    def amount(self, row: LateCaptureReversal) -> str:
        late = row.late_capture
        return money(late.amount_minor, late.transaction.currency)
