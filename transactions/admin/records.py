"""What was asked and decided, as security staff see it: everything can be read."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents.core.policy_words import spoken_amount
from audit.base.admin.bases import HistoryAdmin, TimeFilter, short_id
from audit.base.core.visible import visible
from security.alerts.core.thresholds import spoken_risk
from transactions.core.outcome import Outcome
from transactions.models import (
    AgentActivity,
    ApprovalRequest,
    Decision,
    FunctionCall,
    IdempotencyRecord,
    MerchantActivity,
    Transaction,
)
from transactions.queries import nobody_decides, waits_for_nobody
from transactions.representation import spoken_finding


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
    """Found by whole ids only, in an order that an index has: the tables are large."""

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


class WaitingAdmin(RecordAdmin):
    """Tells of what waits whether anybody can decide on it: of a whole page at once."""

    def approval_of(self, row: Any) -> ApprovalRequest | None:
        """Return the approval request that a row is, or has."""
        raise NotImplementedError

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        shown = super().get_changelist_instance(request)
        approvals = map(self.approval_of, shown.result_list)
        ids = [approval.pk for approval in approvals if approval]
        nobodys = nobody_decides(ids, now=timezone.now())
        for row in shown.result_list:
            approval = self.approval_of(row)
            row.is_nobodys = approval is not None and approval.pk in nobodys
        return shown

    @admin.display(description="waits for")
    def waits_for(self, row: Any) -> str:
        approval = self.approval_of(row)
        if approval is None or approval.status != ApprovalRequest.Status.WAITING:
            return "–"
        known: bool | None = getattr(row, "is_nobodys", None)
        is_nobodys = waits_for_nobody(approval) if known is None else known
        return "Nobody can decide" if is_nobodys else "people"


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
        return _risk(row.decision)

    @admin.display(description="metadata")
    def readable_metadata(self, row: Transaction) -> SafeString:
        return _pretty(row.metadata)

    @admin.display(description="decision")
    def decision_link(self, row: Transaction) -> SafeString:
        return link(row.decision)

    @admin.display(description="approval request")
    def approval_link(self, row: Transaction) -> SafeString | str:
        approval = getattr(row, "approval", None)
        return link(approval) if approval else "–"


@admin.register(Decision)
class DecisionAdmin(RecordAdmin):
    id_paths = ("pk", "transaction_id", "function_call_id")
    list_display = ("decided_at", "outcome", "reasons", "risk", "about")
    list_filter = (DecidedFilter, OwnOutcomeFilter)
    list_select_related = ("transaction", "function_call")
    fields = (
        "id",
        "about",
        "outcome",
        "risk",
        "readable_factors",
        "policy_version",
        "readable_findings",
        "readable_inputs",
        "decided_at",
    )

    @admin.display(description="reasons")
    def reasons(self, row: Decision) -> SafeString:
        codes = (finding["code"] for finding in row.findings)
        links = ((reverse("reason", args=[code]), code) for code in codes)
        return format_html_join(", ", '<a href="{}">{}</a>', links)

    @admin.display(description="risk")
    def risk(self, row: Decision) -> str:
        return _risk(row)

    @admin.display(description="about")
    def about(self, row: Decision) -> SafeString:
        return link(row.transaction or row.function_call)

    @admin.display(description="risk factors")
    def readable_factors(self, row: Decision) -> SafeString:
        factors = row.risk_factors_bp.items()
        return _pretty({name: spoken_risk(value) for name, value in factors})

    @admin.display(description="findings")
    def readable_findings(self, row: Decision) -> SafeString:
        """Say them as the pages do."""
        return format_html_join(
            "",
            '<div>{}: {} (<a href="{}">{}</a>)</div>',
            (
                (
                    finding["outcome"],
                    spoken_finding(finding),
                    reverse("reason", args=[finding["code"]]),
                    finding["code"],
                )
                for finding in row.findings
            ),
        )

    @admin.display(description="inputs (money in minor units, risk in basis points)")
    def readable_inputs(self, row: Decision) -> SafeString:
        return _pretty(row.inputs)


@admin.register(FunctionCall)
class FunctionCallAdmin(RecordAdmin):
    list_display = ("created_at", "agent", "function", "status")
    list_filter = (CreatedFilter, "status")
    list_select_related = ("agent",)
    fields = (
        "id",
        "agent",
        "function",
        "function_version",
        "parameters_digest",
        "status",
        "created_at",
        "decision_link",
    )

    @admin.display(description="decision")
    def decision_link(self, row: FunctionCall) -> SafeString:
        return link(row.decision)


@admin.register(AgentActivity)
class AgentActivityAdmin(RecordAdmin):
    id_paths = ("pk",)
    ordering = ("-agent_id",)
    list_display = (
        "agent",
        "last_request_at",
        "minute",
        "allowed_count",
        "waiting_approvals",
    )
    list_select_related = ("agent",)
    fields = (*list_display, "requests_in_hours", "asked_last")

    @admin.display(description="requests by hour of the day (UTC)")
    def requests_in_hours(self, row: AgentActivity) -> str:
        return ", ".join(map(str, row.requests_by_hour_of_day))

    @admin.display(description="allowed or held last")
    def asked_last(self, row: AgentActivity) -> SafeString | str:
        lines = (
            (
                each["at"],
                spoken_amount(each["amount_minor"], each["currency"]),
                visible(each.get("merchant") or each["merchant_key"]),
            )
            for each in row.recent
        )
        return format_html_join("", "<div>{}: {} to {}</div>", lines) or "–"


@admin.register(MerchantActivity)
class MerchantActivityAdmin(RecordAdmin):
    id_paths = ("agent_id",)
    search_help_text = "An agent's whole id."
    ordering = ("-id",)
    list_display = ("agent", "visible_merchant", "allowed_count", "last_request_at")
    list_select_related = ("agent",)
    fields = (
        "agent",
        "visible_merchant",
        "visible_key",
        "allowed_count",
        "last_request_at",
    )

    @admin.display(description="merchant")
    def visible_merchant(self, row: MerchantActivity) -> str:
        """Say its name; rows from before names were kept have a key only."""
        return visible(row.merchant or row.merchant_key)

    @admin.display(description="merchant key")
    def visible_key(self, row: MerchantActivity) -> str:
        return visible(row.merchant_key)


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(RecordAdmin):
    id_paths = ("agent_id", "key")
    search_help_text = "An agent's whole id, or a key."
    ordering = ("-id",)
    list_display = ("created_at", "agent", "key", "status_code")
    list_filter = (CreatedFilter,)
    list_select_related = ("agent",)


def _risk(decision: Decision) -> str:
    return "–" if decision.risk_bp is None else spoken_risk(decision.risk_bp)


def _pretty(value: object) -> SafeString:
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return format_html('<pre class="details">{}</pre>', visible(text, keep="\n"))


def link(row: Model | None) -> SafeString:
    """Return a link to a row's page of the console."""
    assert row is not None  # noqa: S101 - decision_on_one_thing.
    meta = row._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', address, short_id(row.pk))
