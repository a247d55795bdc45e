"""Delegations and approvers' limits in the console."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from accounts.permissions import person_of
from agents.core.money import MoneyError, format_amount, parse_amount
from agents.policy.core.approval_levels import ROLES
from agents.policy.core.words import spoken_amount
from audit.base.admin.bases import ServiceAdmin
from transactions.approvers.models import ApprovalDelegation, ApproverLimit
from transactions.approvers.services.delegations import revoke_delegation
from transactions.approvers.services.limits import set_approver_limit

WAITS = "A looser limit must be approved by another administrator: %s."


@admin.register(ApprovalDelegation)
class ApprovalDelegationAdmin(ServiceAdmin):
    """Read and revoke only: delegators create delegations on the approvals pages."""

    list_display = ("delegator", "delegate", "starts_at", "ends_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("delegator", "delegate")
    search_fields = ("=id", "delegator__username", "delegate__username")
    actions = ("revoke",)

    def possible_actions(
        self, request: HttpRequest, obj: ApprovalDelegation
    ) -> tuple[str, ...]:
        is_over = obj.revoked_at is not None or obj.ends_at <= timezone.now()
        return () if is_over else ("revoke",)

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(
        self, request: HttpRequest, delegations: QuerySet[ApprovalDelegation]
    ) -> None:
        def revoke(delegation: ApprovalDelegation) -> None:
            revoke_delegation(delegation.pk, acting=person_of(request))

        self.run_for_each(request, delegations, revoke, done="revoked")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_user")


class ApproverLimitForm(forms.ModelForm[ApproverLimit]):
    """The highest amount that a person may approve, in the currency's major unit."""

    amount = forms.CharField(
        max_length=20,
        help_text="For example 5000.00. The person may not approve more than this.",
    )

    class Meta:
        model = ApproverLimit
        fields = ["person", "currency"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit = self.instance
        if "person" in self.fields:
            people: Any = self.fields["person"]
            people.queryset = people.queryset.filter(role__in=ROLES)
        if not limit._state.adding:
            self.initial["amount"] = format_amount(limit.amount_minor, limit.currency)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if {"amount", "currency"} <= given.keys():
            try:
                amount, currency = given["amount"], given["currency"]
                given["minor"] = parse_amount(amount, currency, allow_zero=True)
            except MoneyError as error:
                at = "currency" if error.code == "currency_unknown" else "amount"
                self.add_error(at, error.detail)
        return given


@admin.register(ApproverLimit)
class ApproverLimitAdmin(ServiceAdmin):
    """People without a row here have no personal limit. Nobody sets their own limit."""

    form = ApproverLimitForm
    fields = ("person", "amount", "currency")
    list_display = ("person", "limit")
    list_select_related = ("person",)
    search_fields = ("person__username",)
    ordering = ("person__username",)
    actions = ("remove",)

    def possible_actions(
        self, request: HttpRequest, obj: ApproverLimit
    ) -> tuple[str, ...]:
        return ("remove",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("person",) if obj else ()

    def save_model(
        self, request: HttpRequest, obj: ApproverLimit, form: Any, change: Any
    ) -> None:
        given = form.cleaned_data
        self._set(request, obj.person, (given["minor"], given["currency"]))

    @admin.display(description="at most")
    def limit(self, row: ApproverLimit) -> str:
        return spoken_amount(row.amount_minor, row.currency)

    @admin.action(description="Remove the limit", permissions=["change"])
    def remove(self, request: HttpRequest, limits: QuerySet[ApproverLimit]) -> None:
        def remove(limit: ApproverLimit) -> None:
            self._set(request, limit.person, None)

        self.run_for_each(request, limits, remove, done="without a limit, or waiting")

    def _set(
        self, request: HttpRequest, person: User, limit: tuple[int, str] | None
    ) -> None:
        change = set_approver_limit(person, limit, acting=person_of(request))
        if change:
            self.message_user(request, WAITS % change.pk, messages.WARNING)
