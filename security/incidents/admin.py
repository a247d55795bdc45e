"""Incidents in the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from audit.base.admin.bases import short_id, timeline_url
from audit.base.core.visible import visible
from security.console import WatchedAdmin
from security.incidents.core.states import actions_from
from security.incidents.models import Incident, IncidentStep
from security.incidents.services import update_incident
from security.locks.queries import live_locks

if TYPE_CHECKING:
    TabularInline = admin.TabularInline[Any, Any]
else:  # At run time Django's class takes no parameters.
    TabularInline = admin.TabularInline


class IncidentStepInline(TabularInline):
    model = IncidentStep
    fields = ("position", "name", "done_at", "result", "attempts")
    readonly_fields = fields
    template = "admin/read_inline.html"
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Incident)
class IncidentAdmin(WatchedAdmin):
    list_display = ("opened_at", "measured_text", "resource", "status", "log")
    fields = (
        "status",
        "measured_text",
        "resource",
        "opened_at",
        "ended_at",
        "locks_in_force",
        "log",
        "id",
    )
    list_filter = ("status", "trigger", "resource_kind")
    search_fields = ("=id", "=resource_id", "resource_label")
    inlines = (IncidentStepInline,)
    actions = ("acknowledge", "contain", "resolve", "close")

    def possible_actions(self, request: HttpRequest, obj: Incident) -> tuple[str, ...]:
        return actions_from(obj.status, obj.resource_kind)

    @admin.display(description="what was measured", ordering="trigger")
    def measured_text(self, incident: Incident) -> str:
        return incident.measured_text

    @admin.display(description="resource")
    def resource(self, incident: Incident) -> str:
        label = visible(incident.resource_label or incident.resource_id)
        return f"{incident.resource_kind} {label}"

    @admin.display(description="locks in force")
    def locks_in_force(self, incident: Incident) -> SafeString | str:
        """Set by anybody: with one of them the resource is stopped."""
        text = format_html_join(
            mark_safe("<br>"),
            '<a href="{}">{}</a> by {}',
            (
                (
                    reverse("admin:security_resourcelock_change", args=[lock.pk]),
                    short_id(lock.pk),
                    visible(lock.locked_by),
                )
                for lock in live_locks(incident.resource_kind, incident.resource_id)
            ),
        )
        return text or "None."

    @admin.display(description="audit log")
    def log(self, incident: Incident) -> SafeString:
        return format_html(
            '<a href="{}">incident</a> · <a href="{}">resource</a>',
            timeline_url(incident.pk),
            timeline_url(incident.resource_id),
        )

    def has_respond_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("security.change_incident")

    @admin.action(description="Acknowledge: I investigate", permissions=["respond"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[Incident]) -> None:
        self._update(request, queryset, "acknowledge", done="acknowledged")

    @admin.action(description="Contain: lock the resource", permissions=["respond"])
    def contain(self, request: HttpRequest, queryset: QuerySet[Incident]) -> None:
        self._update(request, queryset, "contain", done="contained")

    @admin.action(description="Resolve", permissions=["respond"])
    def resolve(self, request: HttpRequest, queryset: QuerySet[Incident]) -> None:
        self._update(request, queryset, "resolve", done="resolved")

    @admin.action(description="Close", permissions=["respond"])
    def close(self, request: HttpRequest, queryset: QuerySet[Incident]) -> None:
        self._update(request, queryset, "close", done="closed")

    def _update(
        self,
        request: HttpRequest,
        queryset: QuerySet[Incident],
        action: str,
        *,
        done: str,
    ) -> None:
        def use_case(pk: str, *, acting: Any, note: str) -> None:
            update_incident(pk, action, acting=acting, note=note)

        self.apply(request, queryset, use_case, done=done)
