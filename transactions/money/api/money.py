"""The API of reserved money (capture, void, increment, refund) and shared budgets."""

from __future__ import annotations

from typing import Any, TypedDict

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.permissions import HasPermission, IsPerson, person_of
from agents.core.money import CURRENCY_WORDS, MoneyError, format_amount, parse_amount
from agents.permissions import IsAgent, agent_of
from agents.policy.core.hours import is_time_zone, zone_words
from agents.principals import AgentPrincipal
from audit.base.core.vocabulary import Unlisted
from audit.base.raises import raises
from audit.base.serializers import (
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictSerializer,
    WordField,
    body_of,
)
from audit.base.strict_query import StrictQueryView
from security.changes.api import WAITS, ChangeRequestOutput
from security.changes.models import ChangeRequest
from transactions.budgets.models import Budget, SharedBudget
from transactions.budgets.queries.budgets import (
    shared_budgets_for,
    shared_levels,
    used_minor,
)
from transactions.budgets.services.shared_budgets import (
    SharedBudgetTerms,
    set_shared_budget,
)
from transactions.decisions.headers import (
    KEY_PARAMETER,
    answer_response,
    idempotency_key,
    key_parameter,
)
from transactions.errors import (
    AmountTooLarge,
    AuthorizationExpired,
    IdempotencyConflict,
    IncrementRefused,
    InvalidState,
    StillRefused,
)
from transactions.money.services.captures import capture, increment
from transactions.money.services.giving_back import PERMISSION, refund, void
from transactions.spending.api.serializers import AmountField, TransactionOutput


class CaptureInput(StrictSerializer):
    """Without an amount: everything that is still set aside."""

    amount = AmountField(required=False, default=None)
    final = StrictBooleanField(
        default=False, help_text="Give back the amount that remains after this capture."
    )


class VoidInput(StrictSerializer):
    """The reason is optional for agents and required for people."""

    reason = StrictCharField(
        required=False, max_length=500, allow_blank=True, default=""
    )


class IncrementInput(StrictSerializer):
    amount = AmountField(help_text="How much more to set aside.")


class RefundInput(StrictSerializer):
    """Without an amount: everything that was captured and not refunded.

    The reason is required for people.
    """

    amount = AmountField(required=False, default=None)
    reason = StrictCharField(
        required=False, max_length=500, allow_blank=True, default=""
    )


class RefundOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    object = serializers.CharField()
    transaction = serializers.CharField()
    amount = serializers.CharField()
    currency = serializers.CharField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()


class _AgentCall(TypedDict):
    """The acting agent and the idempotency key, as keyword arguments of a service."""

    acting: AgentPrincipal
    idempotency_key: str


class _AnyCall(TypedDict):
    """As _AgentCall, but a person may act in the agent's place."""

    acting: AgentPrincipal | User
    idempotency_key: str


class _MoneyView(StrictQueryView):
    """An agent acts on its own transaction, once per Idempotency-Key."""

    permission_classes = [IsAgent]
    rate_class = "high_risk"

    def read_call(
        self, request: Request, input_class: type[StrictSerializer]
    ) -> tuple[dict[str, Any], _AgentCall]:
        """Return the body's values, and the acting agent with its key."""
        key = idempotency_key(request)
        values = body_of(input_class, request)
        return values, _AgentCall(acting=agent_of(request), idempotency_key=key)


class _GiveBackView(StrictQueryView):
    """The agent, or a manager or administrator in its place, gives money back."""

    permission_classes = [IsAgent | HasPermission(PERMISSION)]
    rate_class = "high_risk"

    def read_call(
        self, request: Request, input_class: type[StrictSerializer]
    ) -> tuple[dict[str, Any], _AnyCall]:
        """Return the body's values, and the acting agent or person with its key."""
        key = idempotency_key(request)
        values = body_of(input_class, request)
        is_person = isinstance(request.user, User)
        acting = person_of(request) if is_person else agent_of(request)
        return values, _AnyCall(acting=acting, idempotency_key=key)


class CaptureView(_MoneyView):
    @extend_schema(
        operation_id="transactions_capture",
        parameters=[key_parameter("0c2a7f6e-9b1d-4a53-8f0e-5d3c1b7a9e21")],
        examples=[
            OpenApiExample("A part", {"amount": "20.00"}, request_only=True),
        ],
        request=CaptureInput,
        responses={200: TransactionOutput},
    )
    @raises(
        IdempotencyConflict,
        InvalidState,
        AmountTooLarge,
        AuthorizationExpired,
        StillRefused,
    )
    def post(self, request: Request, transaction_id: str) -> Response:
        """Capture money that was set aside, all of it or a part."""
        values, call = self.read_call(request, CaptureInput)
        answer = capture(
            transaction_id,
            amount=values["amount"],
            is_final=values["final"],
            **call,
        )
        return answer_response(answer)


class VoidView(_GiveBackView):
    rate_class = "default"

    @extend_schema(
        operation_id="transactions_void",
        parameters=[KEY_PARAMETER],
        request=VoidInput,
        responses={200: TransactionOutput},
    )
    @raises(IdempotencyConflict, InvalidState, AuthorizationExpired)
    def post(self, request: Request, transaction_id: str) -> Response:
        """Give back what is still set aside.

        People must give a reason and need a recent step-up proof.
        """
        values, call = self.read_call(request, VoidInput)
        answer = void(transaction_id, reason=values["reason"], **call)
        return answer_response(answer)


class IncrementView(_MoneyView):
    @extend_schema(
        operation_id="transactions_increment",
        parameters=[KEY_PARAMETER],
        request=IncrementInput,
        responses={
            200: TransactionOutput,
        },
    )
    @raises(IdempotencyConflict, InvalidState, AuthorizationExpired, IncrementRefused)
    def post(self, request: Request, transaction_id: str) -> Response:
        """Set more money aside if the policy in force allows the new total."""
        values, call = self.read_call(request, IncrementInput)
        answer = increment(transaction_id, amount=values["amount"], **call)
        return answer_response(answer)


class RefundView(_GiveBackView):
    @extend_schema(
        operation_id="transactions_refund",
        parameters=[KEY_PARAMETER],
        request=RefundInput,
        responses={201: RefundOutput},
    )
    @raises(IdempotencyConflict, InvalidState, AmountTooLarge)
    def post(self, request: Request, transaction_id: str) -> Response:
        """Record that the merchant gave money back; no budget grows by it.

        People must give a reason and need a recent step-up proof.
        """
        values, call = self.read_call(request, RefundInput)
        answer = refund(
            transaction_id,
            amount=values["amount"],
            reason=values["reason"],
            **call,
        )
        return answer_response(answer)


class SharedBudgetInput(StrictSerializer):
    """One budget per team, currency and period; a new one replaces it."""

    team = StrictCharField(
        allow_null=True, help_text="A team's id; null: the whole organisation."
    )
    currency = WordField(CURRENCY_WORDS, min_length=3, max_length=3)
    period = StrictChoiceField(choices=SharedBudget.Period.choices)
    limit = AmountField()
    time_zone = StrictCharField(default="UTC", max_length=64)
    active = StrictBooleanField(default=True)

    def validate_time_zone(self, value: str) -> str:
        if not is_time_zone(value):
            raise serializers.ValidationError(
                "Write an IANA name, such as Europe/Paris.",
                code=Unlisted("time_zone_unknown", zone_words(), value),
            )
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            attrs["limit_minor"] = parse_amount(
                attrs["limit"], attrs["currency"], allow_zero=True
            )
        except MoneyError as error:
            name = "currency" if error.code == "currency_unknown" else "limit"
            detail = serializers.ErrorDetail(error.detail, error.code)
            raise serializers.ValidationError({name: [detail]}) from error
        return attrs

    def terms(self) -> SharedBudgetTerms:
        values = self.validated_data
        return SharedBudgetTerms(
            team_id=values["team"],
            currency=values["currency"],
            period=values["period"],
            limit_minor=values["limit_minor"],
            time_zone=values["time_zone"],
            is_active=values["active"],
        )


class SharedBudgetOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    object = serializers.CharField()
    team = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    period = serializers.CharField()
    time_zone = serializers.CharField()
    active = serializers.BooleanField()
    limit = serializers.CharField()
    reserved = serializers.CharField()
    posted = serializers.CharField(help_text="Captured in the ordinary way.")
    captured_late = serializers.CharField(
        help_text="Money that the payment rail took after it was given back."
    )
    captured_late_above = serializers.CharField(
        help_text="The part of captured_late above the amount set aside; not counted."
    )
    available = serializers.CharField()


class SharedBudgetListView(StrictQueryView, ListAPIView[SharedBudget]):
    """List the budgets of teams and of the organisation, with what is left."""

    serializer_class = SharedBudgetOutput
    queryset = SharedBudget.objects.none()

    def get_permissions(self) -> list[Any]:
        if self.request.method == "POST":
            return [HasPermission("transactions.change_sharedbudget")()]
        return [IsPerson()]

    def get_queryset(self) -> QuerySet[SharedBudget]:
        return shared_budgets_for(person_of(self.request))

    @extend_schema(
        operation_id="shared_budgets_list",
        responses={200: SharedBudgetOutput(many=True)},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        levels = shared_levels(page or [])
        return self.get_paginated_response([_shared_body(*level) for level in levels])

    @extend_schema(
        operation_id="shared_budgets_set",
        request=SharedBudgetInput,
        responses={200: SharedBudgetOutput, 202: WAITS},
    )
    def post(self, request: Request) -> Response:
        """Set a budget; spending in the present period counts against it.

        Loosening a budget in force must be approved by a second administrator.
        """
        body = SharedBudgetInput(data=request.data)
        body.is_valid(raise_exception=True)
        outcome = set_shared_budget(body.terms(), acting=person_of(request))
        if isinstance(outcome, ChangeRequest):
            return Response(ChangeRequestOutput(outcome).data, status=202)
        [level] = shared_levels([outcome])
        return Response(_shared_body(*level))


def _shared_body(budget: SharedBudget, counted: Budget) -> dict[str, Any]:
    def amount(minor: int) -> str:
        return format_amount(minor, budget.currency)

    left_minor = budget.limit_minor - used_minor(counted, is_shared=True)
    return {
        "id": budget.pk,
        "object": "shared_budget",
        "team": budget.team_id,
        "currency": budget.currency,
        "period": budget.period,
        "time_zone": budget.time_zone,
        "active": budget.is_active,
        "limit": amount(budget.limit_minor),
        "reserved": amount(counted.reserved_minor),
        "posted": amount(counted.posted_minor),
        "captured_late": amount(counted.late_minor),
        "captured_late_above": amount(counted.late_above_minor),
        "available": amount(max(left_minor, 0)),
    }
