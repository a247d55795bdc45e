"""Decisions in the console."""

from __future__ import annotations

import json

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit.base.core.visible import visible
from security.alerts.core.thresholds import spoken_risk
from transactions.console import (
    CreatedFilter,
    DecidedFilter,
    OwnOutcomeFilter,
    RecordAdmin,
    link,
)
from transactions.decisions.models import Decision, IdempotencyRecord
from transactions.decisions.wording import spoken_finding


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
        return risk_words(row)

    @admin.display(description="about")
    def about(self, row: Decision) -> SafeString:
        return link(row.transaction or row.function_call)

    @admin.display(description="risk factors")
    def readable_factors(self, row: Decision) -> SafeString:
        factors = row.risk_factors_bp.items()
        return pretty({name: spoken_risk(value) for name, value in factors})

    @admin.display(description="findings")
    def readable_findings(self, row: Decision) -> SafeString:
        """Format them as on the pages."""
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
        return pretty(row.inputs)


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(RecordAdmin):
    id_paths = ("agent_id", "key")
    search_help_text = "An agent's whole id, or a key."
    ordering = ("-id",)
    list_display = ("created_at", "agent", "key", "status_code")
    list_filter = (CreatedFilter,)
    list_select_related = ("agent",)


def risk_words(decision: Decision) -> str:
    return "–" if decision.risk_bp is None else spoken_risk(decision.risk_bp)


def pretty(value: object) -> SafeString:
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return format_html('<pre class="details">{}</pre>', visible(text, keep="\n"))
