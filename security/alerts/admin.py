"""Alerts in the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from security.alerts.models import Alert
from security.alerts.services import acknowledge_alert
from security.console import WatchedAdmin

if TYPE_CHECKING:
    TabularInline = admin.TabularInline[Any, Any]
else:  # At run time Django's class takes no parameters.
    TabularInline = admin.TabularInline


@admin.register(Alert)
class AlertAdmin(WatchedAdmin):
    list_display = ("raised_at", "metric", "count", "threshold", "hour", "status")
    list_filter = ("status", "metric")
    actions = ("acknowledge",)

    @admin.display(description="hour from (UTC)", ordering="window_start")
    def hour(self, alert: Alert) -> str:
        return f"{alert.window_start:%Y-%m-%d %H:%M}"

    def possible_actions(self, request: HttpRequest, obj: Alert) -> tuple[str, ...]:
        return ("acknowledge",) if obj.status == Alert.Status.OPEN else ()

    def has_acknowledge_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("security.change_alert")

    @admin.action(description="Acknowledge", permissions=["acknowledge"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        self.apply(request, queryset, acknowledge_alert, done="acknowledged")
