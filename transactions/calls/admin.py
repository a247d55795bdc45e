"""Function calls in the console."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from transactions.calls.models import FunctionCall
from transactions.console import CreatedFilter, RecordAdmin, link


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
