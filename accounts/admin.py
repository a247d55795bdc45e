"""People, teams and sign-ins as security staff see them. Changes call services."""

from __future__ import annotations

from typing import Any, ClassVar

from axes.models import AccessAttempt
from django import forms
from django.contrib import admin, messages
from django.contrib.auth import admin as auth_admin  # noqa: F401 - registers Group.
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from accounts.errors import PersonErased
from accounts.forms import NewPersonForm, PersonForm
from accounts.models import Session, Team, User
from accounts.permissions import person_of
from accounts.queries import acts_waiting, unconfirmed
from accounts.services import second_factors as second_factors_services
from accounts.services.erasure import erase_person
from accounts.services.lock_outs import release_lock_out
from accounts.services.password_reset import start_password_reset
from accounts.services.people import create_team, create_user, rename_team, update_user
from accounts.services.provisioning import confirm_account
from accounts.services.sessions import revoke_all_sessions, revoke_session
from audit.base.admin.bases import HistoryAdmin, ServiceAdmin
from audit.base.core.clocks import CLOCK_TOLERANCE
from security.encryption.fields import EncryptedTextField

WAITS = "Your own rights wait for another administrator to agree: %s."

# Roles stand where groups would; a group would grant past the role table.
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(ServiceAdmin):
    """No field of these forms holds a secret; a password can only be replaced."""

    form = PersonForm
    formfield_overrides: ClassVar[Any] = {
        EncryptedTextField: {"widget": forms.TelInput}
    }
    list_display = (
        "username",
        "full_name",
        "role",
        "team",
        "is_active",
        "is_confirmed",
        "second_factors",
        "live_sessions",
        "last_login",
    )
    list_filter = ("role", "team", "is_active")
    list_select_related = ("team",)
    autocomplete_fields = ("same_person_as",)
    search_fields = ("username", "full_name", "email")
    ordering = ("username",)
    actions = (
        "end_sessions",
        "confirm",
        "remove_second_factors",
        "deactivate",
        "erase",
    )
    irreversible = ("erase",)
    readonly_fields = (
        "username",
        "last_login",
        "date_joined",
        "password_link",
        "waiting",
    )
    fieldsets = (
        (None, {"fields": ("username", "password_link", "waiting", "is_active")}),
        (
            "What they may do",
            {"fields": ("role", "team", "permissions", "same_person_as")},
        ),
        ("Contact", {"fields": ("full_name", "email", "phone")}),
        ("Sign-in", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username",)}),
        ("What they may do", {"fields": ("role", "team")}),
        ("Contact", {"fields": ("full_name", "email", "phone")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        now = timezone.now()
        live = Q(
            sign_ins__ended_at=None,
            sign_ins__created_at__lte=now + CLOCK_TOLERANCE,
            sign_ins__expires_at__gt=now,
            sign_ins__idles_at__gt=now,
        )
        factors = Q(authenticator__type__in=("totp", "webauthn"))
        people: QuerySet[User] = super().get_queryset(request)
        return people.annotate(
            live_session_count=Count("sign_ins", filter=live, distinct=True),
            factor_count=Count("authenticator", filter=factors, distinct=True),
            is_waiting=Exists(unconfirmed().filter(user=OuterRef("pk"))),
        )

    def possible_actions(self, request: HttpRequest, obj: Any) -> list[str]:
        """An erased person has nothing left that could be ended or taken away."""
        if obj.is_active:
            return [
                *(["end_sessions"] if obj.live_session_count else []),
                *(["confirm"] if obj.is_waiting else []),
                *(["remove_second_factors"] if obj.factor_count else []),
                *(["deactivate"] if obj != request.user else []),
            ]
        return [] if obj.erased_at else ["erase"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else self.add_fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj else ()

    def get_form(
        self,
        request: HttpRequest,
        obj: Any = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        if obj is None:
            kwargs["form"] = NewPersonForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_urls(self) -> list[Any]:
        address = path(
            "<str:object_id>/password/",
            self.admin_site.admin_view(self.password_view),
            name="accounts_user_password",
        )
        return [address, *super().get_urls()]

    def save_model(
        self, request: HttpRequest, obj: User, form: Any, change: Any
    ) -> None:
        given = form.cleaned_data
        if change:
            changes = {name: given[name] for name in PersonForm.Meta.fields}
            asked = update_user(
                user=obj,
                acting=person_of(request),
                permissions=form.granted,
                **changes,
            )
            if asked:
                self.message_user(request, WAITS % asked.pk, messages.WARNING)
            return
        obj.pk = create_user(**given, acting=person_of(request)).pk

    def response_add(
        self, request: HttpRequest, obj: User, post_url_continue: Any = None
    ) -> HttpResponse:
        """Go on to where the new person is sent their link."""
        super().response_add(request, obj, post_url_continue)
        return redirect("admin:accounts_user_password", obj.pk)

    def password_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let somebody else choose a new password; one's own has its own page."""
        person = get_object_or_404(User, pk=object_id)
        if not self.has_change_permission(request, person):
            raise PermissionDenied
        if person == request.user:
            return redirect("accounts:password")
        values = {
            **self.admin_site.each_context(request),
            "title": f"A new password for {person}",
            "opts": self.opts,
            "person": person,
        }
        if request.method == "POST":
            try:
                values["link"] = start_password_reset(
                    user=person, acting=person_of(request)
                )
                values["started"] = True
            except PersonErased as error:
                self.message_user(request, error.detail, messages.ERROR)
        return render(request, "admin/accounts/user/password.html", values)

    @admin.display(description="confirmed", boolean=True)
    def is_confirmed(self, user: Any) -> bool:
        return not user.is_waiting

    @admin.display(description="waits for another administrator")
    def waiting(self, user: User) -> SafeString | str:
        text = format_html_join(
            mark_safe("<br>"),
            "{}, {} UTC",
            ((act, f"{act.made_at:%Y-%m-%d %H:%M}") for act in acts_waiting(user)),
        )
        return text or "Nothing."

    @admin.display(description="Second factors", ordering="factor_count")
    def second_factors(self, user: Any) -> int:
        return int(user.factor_count)

    @admin.display(description="Sign-ins", ordering="live_session_count")
    def live_sessions(self, user: Any) -> int:
        return int(user.live_session_count)

    @admin.display(description="password")
    def password_link(self, user: User) -> SafeString:
        address = reverse("admin:accounts_user_password", args=[user.pk])
        return format_html('<a href="{}">Start a password reset</a>', address)

    @admin.action(description="End all their sign-ins", permissions=["change"])
    def end_sessions(self, request: HttpRequest, people: QuerySet[User]) -> None:
        def end(person: User) -> None:
            revoke_all_sessions(
                user=person, acting=person_of(request), reason="by_administrator"
            )

        self.run_for_each(request, people, end, done="signed out everywhere")

    @admin.action(
        description="Confirm what others did to the account", permissions=["change"]
    )
    def confirm(self, request: HttpRequest, people: QuerySet[User]) -> None:
        def confirm(person: User) -> None:
            confirm_account(user=person, acting=person_of(request))

        self.run_for_each(request, people, confirm, done="confirmed")

    @admin.action(
        description="Remove second factors (lost devices)", permissions=["change"]
    )
    def remove_second_factors(
        self, request: HttpRequest, people: QuerySet[User]
    ) -> None:
        def remove(person: User) -> None:
            second_factors_services.remove_second_factors(
                user=person, acting=person_of(request)
            )

        self.run_for_each(request, people, remove, done="now without a second factor")

    @admin.action(description="Deactivate", permissions=["change"])
    def deactivate(self, request: HttpRequest, people: QuerySet[User]) -> None:
        def deactivate(person: User) -> None:
            update_user(user=person, acting=person_of(request), is_active=False)

        self.run_for_each(request, people, deactivate, done="deactivated")

    @admin.action(
        description="Erase for good (deactivated people)", permissions=["change"]
    )
    def erase(self, request: HttpRequest, people: QuerySet[User]) -> None:
        def erase(person: User) -> None:
            erase_person(user=person, acting=person_of(request))

        self.run_for_each(request, people, erase, done="erased")


@admin.register(Team)
class TeamAdmin(ServiceAdmin):
    list_display = ("name", "member_count", "created_at")
    search_fields = ("name",)
    fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        teams: QuerySet[Team] = super().get_queryset(request)
        return teams.annotate(number_of_members=Count("members"))

    @admin.display(description="members", ordering="number_of_members")
    def member_count(self, team: Any) -> int:
        return int(team.number_of_members)

    def save_model(
        self, request: HttpRequest, obj: Team, form: Any, change: Any
    ) -> None:
        name = form.cleaned_data["name"]
        if change:
            rename_team(team=obj, name=name, acting=person_of(request))
        else:
            obj.pk = create_team(name=name, acting=person_of(request)).pk


@admin.register(Session)
class SessionAdmin(HistoryAdmin):
    """Sign-ins, by API and by browser. Ending one refuses the next request."""

    list_display = (
        "user",
        "kind",
        "address",
        "user_agent",
        "created_at",
        "last_seen_at",
        "ended_at",
    )
    list_filter = (("ended_at", admin.EmptyFieldListFilter), "kind")
    list_select_related = ("user",)
    search_fields = ("=id", "user__username", "=address")
    fields = (
        *list_display,
        "end_reason",
        "method",
        "authenticated_at",
        "idles_at",
        "expires_at",
    )
    actions = ("end",)

    def possible_actions(self, request: HttpRequest, obj: Session) -> tuple[str, ...]:
        return () if obj.ended_at else ("end",)

    @admin.action(description="End these sessions", permissions=["revoke"])
    def end(self, request: HttpRequest, sessions: QuerySet[Session]) -> None:
        ended = [
            session
            for session in sessions.select_related("user")
            if revoke_session(
                session=session, acting=person_of(request), reason="by_administrator"
            )
        ]
        self.message_user(request, f"{len(ended)} ended.", messages.SUCCESS)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_session")


@admin.register(AccessAttempt)
class FailedSignInAdmin(HistoryAdmin):
    """Failed sign-ins by name and address; enough of them lock the two out."""

    list_display = (
        "username",
        "ip_address",
        "failures_since_start",
        "attempt_time",
        "user_agent",
    )
    search_fields = ("username", "=ip_address")
    fields = list_display
    actions = ("release",)

    def possible_actions(self, request: HttpRequest, obj: Any) -> tuple[str, ...]:
        return ("release",)

    @admin.action(description="Release the lock-out", permissions=["release"])
    def release(self, request: HttpRequest, attempts: QuerySet[Any]) -> None:
        for attempt in attempts:
            release_lock_out(
                username=attempt.username,
                address=attempt.ip_address,
                acting=person_of(request),
            )
        self.message_user(request, "Released.", messages.SUCCESS)

    def has_release_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_user")
