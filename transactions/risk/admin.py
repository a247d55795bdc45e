"""An agent's counters in the console."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from agents.policy.core.words import spoken_amount
from audit.base.core.visible import visible
from transactions.console import RecordAdmin
from transactions.risk.models import AgentActivity, MerchantActivity


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

    @admin.display(description="latest allowed or held requests")
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
        """Return the name; rows from before names were kept have only a key."""
        return visible(row.merchant or row.merchant_key)

    @admin.display(description="merchant key")
    def visible_key(self, row: MerchantActivity) -> str:
        return visible(row.merchant_key)
