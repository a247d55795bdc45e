"""Changes that wait for a second person."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from audit.base.context import caller
from audit.base.core.visible import visible
from security.changes.core.wording import change_lines
from security.changes.models import ChangeRequest
from security.changes.queries import currency_of, may_decide
from security.changes.services import approve_change, reject_change
from security.console import WatchedAdmin


@admin.register(ChangeRequest)
class ChangeRequestAdmin(WatchedAdmin):
    """Changes that wait for a second person, not the requester or the owner."""

    list_display = (
        "requested_at",
        "kind",
        "target_label",
        "told",
        "requested_by",
        "status",
    )
    list_filter = ("status", "kind")
    search_fields = ("=id", "=target_id", "target_label")
    exclude = ("payload", "base", "changes")
    readonly_fields = ("told",)
    actions = ("approve", "reject")

    def possible_actions(
        self, request: HttpRequest, obj: ChangeRequest
    ) -> tuple[str, ...]:
        """The requester may only withdraw it, by rejecting it."""
        if obj.status != ChangeRequest.Status.WAITING:
            return ()
        if may_decide(obj, caller(request)):
            return ("approve", "reject")
        is_own = obj.requested_by_id == caller(request).principal_id
        return ("reject",) if is_own else ()

    @admin.display(description="changes")
    def told(self, change: ChangeRequest) -> SafeString:
        return format_html_join(
            "",
            "<div>{}: {} → {}</div>",
            (
                map(visible, line)
                for line in change_lines(change.changes, currency_of(change))
            ),
        )

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("security.change_changerequest")

    @admin.action(description="Approve", permissions=["decide"])
    def approve(self, request: HttpRequest, queryset: QuerySet[ChangeRequest]) -> None:
        self._decide(request, queryset, approve_change, done="approved")

    @admin.action(description="Reject (say why)", permissions=["decide"])
    def reject(self, request: HttpRequest, queryset: QuerySet[ChangeRequest]) -> None:
        self._decide(request, queryset, reject_change, done="rejected")

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[ChangeRequest],
        use_case: Any,
        *,
        done: str,
    ) -> None:
        def decide(pk: str, *, acting: Any, note: str) -> None:
            use_case(pk, acting=acting, reason=note)

        self.apply(request, queryset, decide, done=done)
