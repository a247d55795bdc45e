"""Agents, their limits and the function registry as security staff see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import User
from agents.models import (
    Agent,
    AgentCredential,
    Function,
    FunctionVersion,
    PolicyVersion,
)
from agents.policy.core.policy import policy_sentences
from agents.queries import with_locks
from agents.services.agents import create_agent, lock_agent, unlock_agent, update_agent
from agents.services.credentials import revoke_credential
from agents.services.functions import (
    add_function_version,
    register_function,
    set_function_enabled,
)
from audit.base.admin.bases import HistoryAdmin, ServiceAdmin, short_id
from security.schemas.forms import StrictJsonField

NO_PARAMETERS = {"type": "object", "properties": {}}


class ReasonActionForm(ActionForm):
    """Actions that stop or start something ask why."""

    reason = forms.CharField(required=False, max_length=500, label="Reason:")


class CredentialInline(admin.TabularInline[AgentCredential, Agent]):
    """What exists, never its secrets."""

    model = AgentCredential
    fields = (
        "id",
        "signature_algorithm",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    readonly_fields = fields
    template = "admin/read_inline.html"
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Agent)
class AgentAdmin(ServiceAdmin):
    list_display = ("name", "owner", "mode", "is_active", "is_locked", "policy_number")
    list_filter = ("mode", "is_active")
    list_select_related = ("owner", "policy_version")
    search_fields = ("=id", "name", "owner__username")
    autocomplete_fields = ("owner",)
    action_form = ReasonActionForm
    actions = ("lock", "unlock")
    inlines = (CredentialInline,)
    add_fields = ("name", "owner", "mode")
    change_fields = (
        "id",
        "name",
        "owner",
        "mode",
        "is_active",
        "is_locked",
        "policy",
        "created_by",
        "created_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        return with_locks(super().get_queryset(request))

    def possible_actions(self, request: HttpRequest, obj: Any) -> tuple[str, ...]:
        return ("unlock",) if obj.is_locked else ("lock",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.change_fields if obj else self.add_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        editable = ("name", "is_active") if obj else self.add_fields
        return [name for name in self.change_fields if name not in editable]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        given = form.cleaned_data
        if change:
            update_agent(
                obj.pk,
                name=given["name"],
                is_active=given["is_active"],
                acting=_staff(request),
            )
            return
        obj.pk = create_agent(
            given["name"],
            owner_id=given["owner"].pk,
            mode=given["mode"],
            acting=_staff(request),
        ).pk

    @admin.display(description="locked")
    def is_locked(self, agent: Any) -> str:
        return "Locked" if agent.is_locked else "–"

    @admin.display(description="policy")
    def policy_number(self, agent: Agent) -> str:
        return f"v{agent.policy_version.number}" if agent.policy_version else "none"

    @admin.display(description="policy in force")
    def policy(self, agent: Agent) -> SafeString:
        version = agent.policy_version
        return format_html(
            '{}<p>Policies and credentials are made by the <a href="{}">API</a>.</p>',
            _summary(version) if version else "None yet: nothing is allowed.",
            reverse("docs"),
        )

    @admin.action(description="Lock (a reason is needed)", permissions=["change"])
    def lock(self, request: HttpRequest, agents: QuerySet[Agent]) -> None:
        self._with_reason(request, agents, lock_agent, done="locked")

    @admin.action(description="Unlock (a reason is needed)", permissions=["change"])
    def unlock(self, request: HttpRequest, agents: QuerySet[Agent]) -> None:
        self._with_reason(request, agents, unlock_agent, done="unlocked")

    def _with_reason(
        self,
        request: HttpRequest,
        agents: QuerySet[Agent],
        use_case: Callable[..., None],
        *,
        done: str,
    ) -> None:
        reason = request.POST.get("reason", "").strip()[:500]
        if not reason:
            self.message_user(request, "Give a reason.", messages.ERROR)
            return

        def apply(agent: Agent) -> None:
            use_case(agent.pk, reason=reason, acting=_staff(request))

        self.run_for_each(request, agents, apply, done=done)


@admin.register(AgentCredential)
class AgentCredentialAdmin(HistoryAdmin):
    """Credentials. Revoking one refuses its tokens from the next request on."""

    list_display = (
        "name",
        "agent",
        "signature_algorithm",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("agent",)
    search_fields = ("=id", "agent__name")
    fields = ("id", *list_display[1:], "public_key", "replaces")
    actions = ("revoke",)

    def possible_actions(
        self, request: HttpRequest, obj: AgentCredential
    ) -> tuple[str, ...]:
        return () if obj.revoked_at else ("revoke",)

    @admin.display(description="id", ordering="id")
    def name(self, credential: AgentCredential) -> SafeString:
        return short_id(credential.pk)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentCredential]:
        credentials: QuerySet[AgentCredential] = super().get_queryset(request)
        return credentials.defer("secret_hash", "signing_secret")

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(
        self, request: HttpRequest, credentials: QuerySet[AgentCredential]
    ) -> None:
        for credential in credentials:
            revoke_credential(
                credential.agent_id,
                credential.pk,
                reason="by_administrator",
                acting=_staff(request),
            )
        self.message_user(request, "Revoked.", messages.SUCCESS)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("agents.change_agent")


@admin.register(PolicyVersion)
class PolicyVersionAdmin(HistoryAdmin):
    list_display = ("agent", "number", "created_by", "agreed_by", "created_at")
    list_select_related = ("agent", "created_by", "agreed_by")
    search_fields = ("=id", "agent__name", "=agent__id")
    ordering = ("-created_at",)
    fields = ("id", "agent", "number", "terms", "created_by", "agreed_by", "created_at")

    @admin.display(description="terms")
    def terms(self, version: PolicyVersion) -> SafeString:
        return _summary(version)


class NewFunctionForm(forms.ModelForm[Function]):
    effect = forms.ChoiceField(choices=FunctionVersion.Effect.choices)
    schema = StrictJsonField(
        help_text="JSON Schema of the parameters, draft 2020-12.",
        initial=NO_PARAMETERS,
    )

    class Meta:
        model = Function
        fields = ("name", "description")


@admin.register(Function)
class FunctionAdmin(ServiceAdmin):
    list_display = ("name", "effect", "version", "is_enabled", "created_at")
    list_filter = ("is_enabled", "current_version__effect")
    list_select_related = ("current_version",)
    search_fields = ("name",)
    change_fields = ("name", "description", "is_enabled", "version", "effect", "schema")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (
            self.change_fields if obj else ("name", "description", "effect", "schema")
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ()
        return [name for name in self.change_fields if name != "is_enabled"]

    def get_form(
        self,
        request: HttpRequest,
        obj: Any = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        if obj is None:
            kwargs["form"] = NewFunctionForm
        return super().get_form(request, obj, change=change, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        given = form.cleaned_data
        if change:
            set_function_enabled(
                obj.name, is_enabled=given["is_enabled"], acting=_staff(request)
            )
            return
        version = register_function(**given, acting=_staff(request))
        obj.pk = version.function_id

    @admin.display(ordering="current_version__number")
    def version(self, function: Function) -> int | None:
        return function.current_version.number if function.current_version else None

    @admin.display(ordering="current_version__effect")
    def effect(self, function: Function) -> str:
        return function.current_version.effect if function.current_version else ""

    @admin.display
    def schema(self, function: Function) -> object:
        return function.current_version.schema if function.current_version else None


@admin.register(FunctionVersion)
class FunctionVersionAdmin(ServiceAdmin):
    """Versions are never changed; adding one puts it in force."""

    formfield_overrides = {models.JSONField: {"form_class": StrictJsonField}}
    list_display = ("function", "number", "effect", "created_by", "created_at")
    list_select_related = ("function", "created_by")
    search_fields = ("=id", "function__name")
    ordering = ("-created_at",)
    add_fields = ("function", "schema", "effect")
    fields = (
        "id",
        "function",
        "number",
        "schema",
        "effect",
        "created_by",
        "created_at",
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else self.add_fields

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        return {
            "schema": NO_PARAMETERS,
            **super().get_changeform_initial_data(request),
        }

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        given = form.cleaned_data
        obj.pk = add_function_version(
            given["function"].name,
            schema=given["schema"],
            effect=given["effect"],
            acting=_staff(request),
        ).pk


def _summary(version: PolicyVersion) -> SafeString:
    """Return a version's terms as a list of sentences."""
    sentences = policy_sentences(version.terms)
    lines = format_html_join("", "<li>{}: {}</li>", sentences)
    return format_html("v{} <ul>{}</ul>", version.number, lines)


def _staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the console's only guests.
    return request.user
