"""Transactions and decisions in the API."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListCreateAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.permissions import IsPerson
from agents.permissions import IsAgent, agent_of
from audit.base.filters import InstantFilter
from audit.base.raises import raises
from audit.base.serializers import refuse_fields
from audit.base.strict_query import StrictQueryView
from transactions.decisions.headers import (
    answer_response,
    idempotency_key,
    key_parameter,
)
from transactions.errors import IdempotencyConflict, InvalidState
from transactions.spending.api.serializers import (
    DecisionOutput,
    TransactionInput,
    TransactionOutput,
    parse_ask,
)
from transactions.spending.models import Transaction
from transactions.spending.queries.reading import (
    represented,
    transaction_for,
    transaction_of_agent,
    transactions_of_agent,
    transactions_visible_to,
)
from transactions.spending.representation import represent
from transactions.spending.services.lifecycle import cancel
from transactions.spending.services.spending import request_transaction

ETAG_PARAMETER = OpenApiParameter(
    "If-Match",
    location=OpenApiParameter.HEADER,
    required=True,
    description="The ETag of `GET transactions/{id}/`, as the person saw it.",
)


ASK_EXAMPLE = OpenApiExample(
    "A purchase",
    {
        "amount": "49.99",
        "currency": "USD",
        "merchant": "Amazon",
        "category": "electronics",
        "description": "USB-C cables",
        "metadata": {"order": "1234"},
    },
    request_only=True,
)


class TransactionFilter(filters.FilterSet):  # type: ignore[misc]
    """The filters of the list."""

    status = filters.ChoiceFilter(choices=Transaction.Status.choices)
    outcome = filters.ChoiceFilter(
        field_name="decision__outcome",
        choices=[("allow", "allow"), ("hold", "hold"), ("deny", "deny")],
    )
    agent = filters.CharFilter(field_name="agent_id")
    created_after = InstantFilter(field_name="created_at", lookup_expr="gt")
    created_before = InstantFilter(field_name="created_at", lookup_expr="lt")


class TransactionRepresentation(serializers.BaseSerializer[Transaction]):
    """Lets DRF's generic list views use represent()."""

    def to_representation(self, instance: Transaction) -> dict[str, Any]:
        return represent(instance)


def readable_transactions(request: Request) -> QuerySet[Transaction]:
    """Return the transactions that the user may read: own scope, or an agent's own."""
    if isinstance(request.user, User):
        return transactions_visible_to(request.user)
    return transactions_of_agent(agent_of(request).principal_id)


def readable_transaction(request: Request, transaction_id: str) -> Transaction:
    """Return one readable transaction or raise TransactionNotFound."""
    if isinstance(request.user, User):
        return transaction_for(request.user, transaction_id)
    return transaction_of_agent(agent_of(request).principal_id, transaction_id)


class TransactionListCreateView(StrictQueryView, ListCreateAPIView[Transaction]):
    """Request a decision, or list the decided transactions."""

    serializer_class = TransactionRepresentation
    filterset_class = TransactionFilter
    ordering_fields = ["created_at"]

    def get_permissions(self) -> list[Any]:
        if self.request.method == "POST":
            return [IsAgent()]
        return [(IsPerson | IsAgent)()]

    def get_queryset(self) -> QuerySet[Transaction]:
        if getattr(self, "swagger_fake_view", False):
            return Transaction.objects.none()
        return represented(readable_transactions(self.request))

    @extend_schema(
        operation_id="transactions_list", responses={200: TransactionOutput(many=True)}
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the transactions, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="transactions_create",
        parameters=[key_parameter("8e03978e-40d5-43dd-bc93-6894a57f9324")],
        examples=[ASK_EXAMPLE],
        request=TransactionInput,
        responses={201: TransactionOutput},
    )
    @raises(IdempotencyConflict)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask to spend. The answer is allow, hold (a human decides) or deny."""
        key = idempotency_key(request)
        answer = request_transaction(
            parse_ask(request.data), acting=agent_of(request), idempotency_key=key
        )
        return answer_response(answer)


class DecisionView(StrictQueryView):
    """Return the full record of a decision."""

    permission_classes = [IsPerson]

    @extend_schema(
        operation_id="transactions_decision", responses={200: DecisionOutput}
    )
    def get(self, request: Request, transaction_id: str) -> Response:
        found = readable_transaction(request, transaction_id)
        return Response(DecisionOutput(found.decision).data)


class CancelView(StrictQueryView):
    """Cancel a transaction that still waits for a human; for its agent only."""

    permission_classes = [IsAgent]

    @extend_schema(
        operation_id="transactions_cancel",
        request=None,
        responses={200: TransactionOutput},
    )
    @raises(InvalidState)
    def post(self, request: Request, transaction_id: str) -> Response:
        refuse_fields(request)
        cancel(transaction_id, acting=agent_of(request))
        return Response(represent(readable_transaction(request, transaction_id)))
