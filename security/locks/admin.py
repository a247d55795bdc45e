"""The stop button."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.base.admin.bases import ServiceAdmin, short_id
from audit.base.context import caller
from audit.base.core.visible import visible
from audit.base.errors import NotFound
from security.console import NotedActionForm
from security.locks.models import ResourceLock
from security.locks.services import describe, lock_resource, unlock_resource

if TYPE_CHECKING:
    LockForm = forms.ModelForm[ResourceLock]
else:  # At run time Django's class takes no parameters.
    LockForm = forms.ModelForm


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
                target = describe(kind, target_id)
                given |= {"target_id": target.id, "label": target.label}
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
    search_fields = ("=target_id", "=id", "target_label")
    action_form = NotedActionForm
    actions = ("release",)

    add_fields = ("kind", "target_id", "reason")
    fields = (
        "state",
        "kind",
        "target",
        "target_id",
        "reason",
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
        """Say its name; locks from before names were kept have an id or a key."""
        if lock.target_label:
            return visible(lock.target_label)
        if lock.kind in {ResourceLock.Kind.AGENT, ResourceLock.Kind.USER}:
            return short_id(lock.target_id)
        return visible(lock.target_id) or "–"

    def possible_actions(
        self, request: HttpRequest, obj: ResourceLock
    ) -> tuple[str, ...]:
        return () if obj.released_at else ("release",)

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
        lock = lock_resource(
            obj.kind,
            obj.target_id,
            acting=caller(request),
            reason=obj.reason,
            label=form.cleaned_data.get("label", ""),
        )
        obj.pk = lock.pk

    @admin.action(description="Release (say why)", permissions=["release"])
    def release(self, request: HttpRequest, queryset: QuerySet[ResourceLock]) -> None:
        reason = request.POST.get("note", "")
        self.run_for_each(
            request,
            queryset,
            lambda lock: unlock_resource(
                lock.kind, lock.target_id, acting=caller(request), reason=reason
            ),
            done="released",
        )
