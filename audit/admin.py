"""The audit log as the console shows it."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from audit.base.admin.bases import HistoryAdmin, TimeFilter, short_id, timeline_url
from audit.base.context import caller
from audit.base.core.visible import visible
from audit.core.actions import ACTIONS
from audit.core.exports import FORMATS
from audit.errors import FilterRefused
from audit.models import AuditEvent, Checkpoint
from audit.queries.reading import (
    last_verification,
    oldest_of_newest,
    reader_lags,
    saved_filters,
)
from audit.queries.tree import index_of, newest_checkpoint
from audit.services.exports import export_events, record_export
from audit.services.recording import record_viewed
from audit.services.saved_filters import remove_filter, save_filter
from audit.services.verification import ask_for_verification

CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "cef": "text/plain; charset=utf-8"}
# Read in some tenths of a second, by the index of times.
NAMES_LOOKED_AT = 100_000
LIST = "admin:audit_auditevent_changelist"
LINES_OF_JSON = "application/x-ndjson"


class ActionFilter(admin.SimpleListFilter):
    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(action, action) for action in sorted(ACTIONS)]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> QuerySet[Any] | None:
        return queryset.filter(action=self.value()) if self.value() else None


class ActorKindFilter(admin.SimpleListFilter):
    title = "actor"
    parameter_name = "actor_kind"
    kinds = ("user", "agent", "system", "anonymous")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in self.kinds]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> QuerySet[Any] | None:
        return queryset.filter(actor_kind=self.value()) if self.value() else None


@admin.register(AuditEvent)
class AuditEventAdmin(HistoryAdmin):
    """The log. Looking at it is itself written to it."""

    list_display = ("occurred_at", "action", "outcome", "actor", "target", "address")
    list_display_links = ("occurred_at", "action")
    list_filter = (TimeFilter, "outcome", ActorKindFilter, ActionFilter)
    linked_by = ("target_id",)
    search_fields = ("id",)
    search_help_text = (
        "A whole id of an event, an actor, a target, an owner or a request; an address;"
        f" or a part of a name, among the newest {NAMES_LOOKED_AT:,} events."
    )
    change_list_template = "admin/audit/change_list.html"
    # Order by anything else would sort the whole log.
    sortable_by = ()
    ordering = ("-occurred_at", "-id")
    fields = (
        "id",
        "occurred_at",
        "action",
        "outcome",
        "actor",
        "actor_id",
        "target",
        "target_id",
        "owner_id",
        "address",
        "user_agent",
        "request_id",
        "difference",
        "readable_details",
        "seal",
    )

    @admin.display(description="actor")
    def actor(self, event: AuditEvent) -> SafeString:
        return _named(event.actor_kind, event.actor_label, event.actor_id)

    @admin.display(description="target")
    def target(self, event: AuditEvent) -> SafeString | str:
        if not event.target_id:
            return visible(event.target_label) or "–"
        return format_html(
            '{} (<a href="{}">timeline</a>)',
            _named(event.target_kind, event.target_label, event.target_id),
            timeline_url(event.target_id),
        )

    @admin.display(description="before and after")
    def difference(self, event: AuditEvent) -> SafeString | str:
        changes = event.details.get("changes")
        if not isinstance(changes, dict) or not changes:
            return "–"
        rows = [
            (name, *map(_spelled, pair))
            for name, pair in changes.items()
            if isinstance(pair, list) and len(pair) == 2
        ]
        return format_html(
            '<table class="difference"><thead><tr><th scope="col">What</th>'
            '<th scope="col">Before</th><th scope="col">After</th></tr></thead>'
            "<tbody>{}</tbody></table>",
            format_html_join(
                "",
                '<tr><th scope="row">{}</th><td><del>{}</del></td>'
                "<td><ins>{}</ins></td></tr>",
                rows,
            ),
        )

    @admin.display(description="details")
    def readable_details(self, event: AuditEvent) -> SafeString:
        text = json.dumps(event.details, indent=2, ensure_ascii=False, sort_keys=True)
        return format_html('<pre class="details">{}</pre>', visible(text, keep="\n"))

    @admin.display(description="place in the sealed log")
    def seal(self, event: AuditEvent) -> str:
        index = index_of(event.pk)
        if index is None:
            return "Not sealed yet; that takes a second."
        over = Checkpoint.objects.filter(size__gt=index).order_by("number").first()
        signed = f"under checkpoint {over.number}" if over else "not signed yet"
        return f"Index {index}, {signed}."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Match whole ids, which have an index; else look at the newest events.

        Names and requests have no index, because each would slow down every decision.
        So they are searched in as much of the log as can be read in a moment.
        """
        term = search_term.strip()
        if not term:
            return queryset, False
        if term.startswith("evt_"):
            return queryset.filter(pk=term), False
        if _is_address(term):
            recent = timezone.now() - TimeFilter.spans["month"][1]
            return queryset.filter(address=term, occurred_at__gte=recent), False
        by_id = queryset.filter(Q(target_id=term) | Q(actor_id=term) | Q(owner_id=term))
        if by_id.exists():
            return by_id, False
        labels = Q(actor_label__icontains=term) | Q(target_label__icontains=term)
        newest = Q(occurred_at__gte=oldest_of_newest(NAMES_LOOKED_AT))
        return queryset.filter(newest, labels | Q(request_id=term)), False

    def get_urls(self) -> list[Any]:
        site, own = self.admin_site, "audit_auditevent_"
        return [
            path("verify/", site.admin_view(self.verify_view), name=f"{own}verify"),
            path(
                "filters/",
                site.admin_view(self.save_filter_view),
                name=f"{own}save_filter",
            ),
            path(
                "filters/<str:filter_id>/remove/",
                site.admin_view(self.remove_filter_view),
                name=f"{own}remove_filter",
            ),
            path(
                "export/<str:form>/",
                site.admin_view(self.export_view),
                name=f"{own}export",
            ),
            *super().get_urls(),
        ]

    @method_decorator(require_POST)
    def verify_view(self, request: HttpRequest) -> HttpResponse:
        """Request a verification; a job does it, because it may take minutes."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        ask_for_verification(acting=caller(request))
        messages.info(
            request, "The log is being verified; the result will be shown here."
        )
        return redirect(LIST)

    @method_decorator(require_POST)
    def save_filter_view(self, request: HttpRequest) -> HttpResponse:
        """Keep the filter of the list under a name, and show that list again."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        query = request.POST.get("query", "")
        try:
            saved = save_filter(
                request.POST.get("name", ""), query, acting=caller(request)
            )
        except FilterRefused as error:
            messages.error(request, error.detail)
            query = "" if error.pointer == "/query" else query
        else:
            query = saved.query
            messages.success(request, f"The filter “{saved.name}” was saved.")
        return redirect(f"{reverse(LIST)}?{query}")

    @method_decorator(require_POST)
    def remove_filter_view(self, request: HttpRequest, filter_id: str) -> HttpResponse:
        """Forget a filter of one's own."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        remove_filter(filter_id, acting=caller(request))
        messages.success(request, "The filter was removed.")
        return redirect(LIST)

    @method_decorator(require_safe)
    def export_view(self, request: HttpRequest, form: str) -> StreamingHttpResponse:
        """Stream the filtered list in a format. Takes audit.export_auditevent."""
        if not request.user.has_perm("audit.export_auditevent"):
            raise PermissionDenied
        if form not in FORMATS:
            raise Http404
        events = self.get_changelist_instance(request).get_queryset(request)
        record_export(form, filters=request.GET.dict())
        lines = (f"{line}\n" for line in export_events(events, form))
        name = f"audit-{timezone.now():%Y%m%dT%H%M%SZ}.{form}"
        return StreamingHttpResponse(
            lines,
            content_type=CONTENT_TYPES.get(form, LINES_OF_JSON),
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> Any:
        context: dict[str, Any] = {
            "verification": last_verification(),
            "checkpoint": newest_checkpoint(),
            "saved_filters": saved_filters(caller(request).principal_id),
            "lags": reader_lags(now=timezone.now()),
            "formats": list(FORMATS),
            "filters": request.GET.urlencode(),
        }
        response = super().changelist_view(request, context | (extra_context or {}))
        if response.status_code == 200:
            record_viewed(filters=request.GET.dict())
        return response

    def render_change_form(self, request: HttpRequest, *args: Any, **kw: Any) -> Any:
        event: AuditEvent = kw["obj"]
        record_viewed(filters={"id": event.pk}, event=event)
        return super().render_change_form(request, *args, **kw)


def _named(kind: str, label: str, identifier: str) -> SafeString:
    """Return who or what it is: by its label, else by the end of its id."""
    if label == kind or not (label or identifier):
        return format_html("{}", kind)
    return format_html("{} {}", kind, visible(label) if label else short_id(identifier))


def _spelled(value: object) -> str:
    if isinstance(value, str):
        return visible(value)
    return visible(json.dumps(value, ensure_ascii=False, sort_keys=True))


def _is_address(term: str) -> bool:
    try:
        ipaddress.ip_address(term)
    except ValueError:
        return False
    return True
