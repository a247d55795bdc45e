"""The base of the console's pages about transactions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.policy.core.words import spoken_amount
from audit.base.admin.bases import HistoryAdmin, TimeFilter, short_id
from transactions.budgets.models import LedgerEntry, Reservation
from transactions.decisions.core.outcome import Outcome
from transactions.money.models import LateCapture, Refund


class CreatedFilter(TimeFilter):
    column = "created_at"


class DecidedFilter(TimeFilter):
    column = "decided_at"


class OutcomeFilter(admin.SimpleListFilter):
    title = "outcome"
    parameter_name = "outcome"
    column = "decision__outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(outcome.value, outcome.value) for outcome in Outcome]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> QuerySet[Any] | None:
        return queryset.filter(**{self.column: self.value()}) if self.value() else None


class OwnOutcomeFilter(OutcomeFilter):
    column = "outcome"


class RecordAdmin(HistoryAdmin):
    """Searches by whole ids and sorts by an index, because the tables are large."""

    id_paths: ClassVar[tuple[str, ...]] = ("pk", "agent_id")
    search_fields = ("id",)
    search_help_text = "A whole id."
    sortable_by = ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q()
        for path in self.id_paths:
            wanted |= Q(**{path: term})
        return queryset.filter(wanted), False


def link(row: Model | None) -> SafeString:
    """Return a link to the row's page in the console."""
    assert row is not None  # noqa: S101 - decision_on_one_thing.
    meta = row._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', address, short_id(row.pk))


class MoneyOfTransactionAdmin(RecordAdmin):
    """Records of one transaction's money, in the transaction's currency."""

    id_paths = ("transaction_id",)
    search_help_text = "A transaction's whole id."
    list_select_related: ClassVar[tuple[str, ...]] = ("transaction",)

    @admin.display(description="amount")
    def amount(self, row: Reservation | LedgerEntry | Refund | LateCapture) -> str:
        return spoken_amount(row.amount_minor, row.transaction.currency)
