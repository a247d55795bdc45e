"""The console of security operations. Changes go through the services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit.admin import HistoryAdmin, ServiceAdmin, short_id, timeline_url
from audit.context import caller
from audit.errors import NotFound
from security import services
from security.core.changes import change_lines
from security.fields import EncryptedTextField
from security.models import (
    Alert,
    ChangeRequest,
    Incident,
    IncidentStep,
    Notification,
    RequestNonce,
    ResourceLock,
    Review,
    SecurityContact,
)
from security.services.locks import describe

if TYPE_CHECKING:
    TabularInline = admin.TabularInline[Any, Any]
    LockForm = forms.ModelForm[ResourceLock]
else:  # At run time Django's classes take no parameters.
    TabularInline = admin.TabularInline
    LockForm = forms.ModelForm


class NotedActionForm(ActionForm):
    """Actions that others will read about carry a note."""

    note = forms.CharField(max_length=500, required=False, label="Reason:")


class WatchedAdmin(HistoryAdmin, ServiceAdmin):
    """Rows that the platform writes and people act on by actions with a note."""

    action_form = NotedActionForm
    actions: Any = ()

    def apply(
        self,
        request: HttpRequest,
        objects: QuerySet[Any],
        use_case: Any,
        *,
        done: str,
    ) -> None:
        """Run `use_case(id, acting=…, note=…)` for each chosen row."""
        note = request.POST.get("note", "")
        self.run_for_each(
            request,
            objects,
            lambda item: use_case(item.pk, acting=caller(request), note=note),
            done=done,
        )


@admin.register(Alert)
class AlertAdmin(WatchedAdmin):
    list_display = ("raised_at", "metric", "count", "threshold", "hour", "status")
    list_filter = ("status", "metric")
    actions = ("acknowledge",)

    @admin.display(description="hour from (UTC)", ordering="window_start")
    def hour(self, alert: Alert) -> str:
        return f"{alert.window_start:%Y-%m-%d %H:%M}"

    def has_acknowledge_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("security.change_alert")

    @admin.action(description="Acknowledge", permissions=["acknowledge"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        self.apply(request, queryset, services.acknowledge_alert, done="acknowledged")


class IncidentStepInline(TabularInline):
    model = IncidentStep
    fields = ("position", "name", "done_at", "result", "attempts")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Incident)
class IncidentAdmin(WatchedAdmin):
    list_display = ("opened_at", "trigger", "value", "resource", "status", "log")
    list_filter = ("status", "trigger", "resource_kind")
    search_fields = ("=id", "=resource_id", "resource_label")
    inlines = (IncidentStepInline,)
    actions = ("acknowledge", "contain", "resolve", "close")

    @admin.display(description="resource")
    def resource(self, incident: Incident) -> str:
        return f"{incident.resource_kind} {incident.resource_label}"

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
            services.update_incident(pk, action, acting=acting, note=note)

        self.apply(request, queryset, use_case, done=done)


class ResourceLockForm(LockForm):
    """What to stop, and why."""

    class Meta:
        model = ResourceLock
        fields = ("kind", "target_id", "reason")
        help_texts = {
            "target_id": "The agent's or person's id, the merchant's or function's"
            " name; empty for everything."
        }

    def clean(self) -> dict[str, Any]:
        """Take a resource as people write it, and keep it as decisions know it."""
        given = super().clean() or self.cleaned_data
        kind, target_id = given.get("kind"), given.get("target_id")
        if kind and target_id:
            try:
                given["target_id"] = describe(kind, target_id).id
            except NotFound:
                self.add_error("target_id", f"There is no such {kind}.")
        return given


@admin.register(ResourceLock)
class ResourceLockAdmin(ServiceAdmin):
    """Adding a row presses the stop button; releasing is an action with a reason."""

    form = ResourceLockForm
    list_display = ("state", "kind", "target", "reason", "locked_by", "locked_at")
    list_display_links = ("state", "target")
    list_filter = ("kind", ("released_at", admin.EmptyFieldListFilter))
    search_fields = ("=target_id", "=id")
    action_form = NotedActionForm
    actions = ("release",)

    add_fields = ("kind", "target_id", "reason")
    fields = (
        "state",
        *add_fields,
        "locked_by",
        "locked_at",
        "incident",
        "released_by",
        "released_at",
        "release_reason",
    )

    @admin.display(description="state")
    def state(self, lock: ResourceLock) -> str:
        return f"Released by {lock.released_by}" if lock.released_at else "Locked"

    @admin.display(description="target", ordering="target_id")
    def target(self, lock: ResourceLock) -> str:
        if lock.kind in {ResourceLock.Kind.AGENT, ResourceLock.Kind.USER}:
            return short_id(lock.target_id)
        return lock.target_id or "–"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else self.add_fields

    def get_form(
        self,
        request: HttpRequest,
        obj: Any = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        if obj:  # Nothing is asked, so nothing needs help.
            kwargs["form"] = forms.ModelForm
        return super().get_form(request, obj, change=change, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_release_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("security.change_resourcelock")

    def save_model(
        self, request: HttpRequest, obj: ResourceLock, form: Any, change: Any
    ) -> None:
        lock = services.lock_resource(
            obj.kind, obj.target_id, acting=caller(request), reason=obj.reason
        )
        obj.pk = lock.pk

    @admin.action(description="Release (say why)", permissions=["release"])
    def release(self, request: HttpRequest, queryset: QuerySet[ResourceLock]) -> None:
        reason = request.POST.get("note", "")
        self.run_for_each(
            request,
            queryset,
            lambda lock: services.unlock_resource(
                lock.kind, lock.target_id, acting=caller(request), reason=reason
            ),
            done="released",
        )


@admin.register(ChangeRequest)
class ChangeRequestAdmin(WatchedAdmin):
    """What waits for a second person. Whoever asked or gains is refused, one by one."""

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

    @admin.display(description="changes")
    def told(self, change: ChangeRequest) -> SafeString:
        return format_html_join(
            "", "<div>{}: {} → {}</div>", change_lines(change.changes)
        )

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("security.change_changerequest")

    @admin.action(description="Approve", permissions=["decide"])
    def approve(self, request: HttpRequest, queryset: QuerySet[ChangeRequest]) -> None:
        self._decide(request, queryset, services.approve_change, done="approved")

    @admin.action(description="Reject (say why)", permissions=["decide"])
    def reject(self, request: HttpRequest, queryset: QuerySet[ChangeRequest]) -> None:
        self._decide(request, queryset, services.reject_change, done="rejected")

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


@admin.register(SecurityContact)
class SecurityContactAdmin(ServiceAdmin):
    list_display = ("position", "name", "email")
    fields = ("position", "name", "email", "phone")
    formfield_overrides: ClassVar[Any] = {
        EncryptedTextField: {"widget": forms.TelInput}
    }

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("position",) if obj else ()

    def save_model(
        self, request: HttpRequest, obj: SecurityContact, form: Any, change: Any
    ) -> None:
        contact = services.set_contact(
            obj.position,
            acting=caller(request),
            name=obj.name,
            email=obj.email,
            phone=obj.phone,
        )
        obj.pk = contact.pk


@admin.register(Notification)
class NotificationAdmin(WatchedAdmin):
    list_display = ("created_at", "recipient", "subject", "status", "attempts", "error")
    list_filter = ("status", "channel")
    search_fields = ("=id", "recipient")
    actions = ("send_again",)

    @admin.display(description="last error")
    def error(self, message: Notification) -> str:
        return message.last_error[:80]

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("security.change_notification")

    @admin.action(description="Send failed ones again", permissions=["send"])
    def send_again(
        self, request: HttpRequest, queryset: QuerySet[Notification]
    ) -> None:
        self.run_for_each(
            request,
            queryset,
            lambda item: services.retry_notification(item.pk, acting=caller(request)),
            done="queued again",
        )


@admin.register(Review)
class ReviewAdmin(WatchedAdmin):
    list_display = ("due_at", "cadence", "period_start", "state", "completed_at")
    list_filter = ("cadence", ("completed_at", admin.EmptyFieldListFilter))
    actions = ("complete",)

    def has_complete_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("security.change_review")

    @admin.action(description="Complete (say what was found)", permissions=["complete"])
    def complete(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        self.apply(request, queryset, services.complete_review, done="completed")


@admin.register(RequestNonce)
class RequestNonceAdmin(HistoryAdmin):
    list_display = ("key_id", "nonce", "expires_at")
    search_fields = ("=key_id",)
