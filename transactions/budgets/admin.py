"""Budgets and the ledger in the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin

from agents.policy.core.words import spoken_amount
from audit.base.admin.bases import HistoryAdmin
from transactions.budgets.models import Budget, LedgerEntry, Reservation, SharedBudget
from transactions.console import CreatedFilter, MoneyOfTransactionAdmin, RecordAdmin


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
    fields = (
        "id",
        "holder",
        "scope",
        "window",
        "starts_at",
        "ends_at",
        "limit",
        "limit_count",
        "reserved",
        "posted",
        "late",
        "late_above",
        "count",
        "counted_under",
    )

    @admin.display(description="limit")
    def limit(self, row: Budget) -> str:
        if row.limit_minor is None:
            return "–"
        return spoken_amount(row.limit_minor, row.currency)

    @admin.display(description="reserved")
    def reserved(self, row: Budget) -> str:
        return spoken_amount(row.reserved_minor, row.currency)

    @admin.display(description="posted")
    def posted(self, row: Budget) -> str:
        return spoken_amount(row.posted_minor, row.currency)

    @admin.display(description="captured late")
    def late(self, row: Budget) -> str:
        return spoken_amount(row.late_minor, row.currency)

    @admin.display(description="of that, above the amount set aside")
    def late_above(self, row: Budget) -> str:
        return spoken_amount(row.late_above_minor, row.currency)


@admin.register(SharedBudget)
class SharedBudgetAdmin(HistoryAdmin):
    """Read-only. Set by API instead, because a change waits for running decisions."""

    list_display = ("__str__", "currency", "limit", "time_zone", "is_active")
    list_select_related = ("team",)
    fields = (
        "id",
        "team",
        "period",
        "limit",
        "time_zone",
        "is_active",
        "created_at",
    )

    @admin.display(description="limit")
    def limit(self, row: SharedBudget) -> str:
        return spoken_amount(row.limit_minor, row.currency)


def _amount(field: str, description: str) -> Callable[[Any, Reservation], str]:
    """Return a column with an amount of a reservation."""

    @admin.display(description=description)
    def column(_: Any, row: Reservation) -> str:
        return spoken_amount(getattr(row, field), row.transaction.currency)

    return column


@admin.register(Reservation)
class ReservationAdmin(MoneyOfTransactionAdmin):
    ordering = ("-transaction_id",)
    list_display = ("transaction", "amount", "left", "created_at", "resolved_at")
    list_filter = (CreatedFilter,)
    fields = (
        "transaction",
        "amount",
        "left",
        "captured",
        "released",
        "late",
        "reversed_late",
        "refunded",
        "shared_budgets",
        "created_at",
        "resolved_at",
        "just_below_minute",
    )

    left = _amount("outstanding_minor", "still set aside")
    captured = _amount("captured_minor", "captured")
    released = _amount("released_minor", "given back")
    late = _amount("late_minor", "captured late")
    reversed_late = _amount("reversed_minor", "of that, reported wrongly")
    refunded = _amount("refunded_minor", "refunded")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(MoneyOfTransactionAdmin):
    ordering = ("-id",)
    list_display = ("created_at", "transaction", "kind", "credit", "debit", "amount")
    list_filter = (CreatedFilter, "kind")
    fields = ("agent", *list_display)
