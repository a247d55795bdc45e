"""Messages in the console."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit.base.admin.bases import ServiceAdmin
from audit.base.context import caller
from security.console import WatchedAdmin
from security.encryption.fields import EncryptedTextField
from security.notifications.models import Notification, SecurityContact
from security.notifications.services.contacts import set_contact
from security.notifications.services.messages import retry_notification


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
        contact = set_contact(
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

    def possible_actions(
        self, request: HttpRequest, obj: Notification
    ) -> tuple[str, ...]:
        return ("send_again",) if obj.status == Notification.Status.FAILED else ()

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("security.change_notification")

    @admin.action(description="Send failed ones again", permissions=["send"])
    def send_again(
        self, request: HttpRequest, queryset: QuerySet[Notification]
    ) -> None:
        self.run_for_each(
            request,
            queryset,
            lambda item: retry_notification(item.pk, acting=caller(request)),
            done="queued again",
        )
