"""One view per operation: authentication, limits and permission as attributes."""

from __future__ import annotations

import re
import threading
import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListCreateAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.permissions import HasPermission, IsPerson, person_of
from agents.permissions import IsAgent, agent_of
from audit.base.core.entity_tags import quoted_tags
from audit.base.filters import InstantFilter
from audit.base.raises import raises
from audit.base.serializers import refuse_fields
from audit.base.strict_query import StrictQueryView
from transactions import queries, services
from transactions.api.headers import answered, idempotency_key, key_parameter
from transactions.api.serializers import (
    ApproveInput,
    DecisionOutput,
    DenyInput,
    TransactionInput,
    TransactionOutput,
    parse_ask,
)
from transactions.errors import (
    AlreadyApproved,
    ApprovalChanged,
    ApprovalExpired,
    ApprovalResolved,
    IdempotencyConflict,
    InvalidRequest,
    InvalidState,
    PreconditionRequired,
    StillRefused,
)
from transactions.models import Transaction
from transactions.representation import represent

APPROVE = "transactions.approve_transaction"
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
WAIT_MAX = timedelta(seconds=30)
WAIT_PARAMETER = OpenApiParameter(
    "wait",
    {"type": "integer", "minimum": 0, "maximum": WAIT_MAX.seconds},
    description="Seconds to wait while it is pending approval.",
)
WAIT_STEP_S = 0.5
# Waiting clients hold at most half of the web threads; the rest answer at once.
_waiting = threading.BoundedSemaphore(settings.WEB_THREADS // 2)


class TransactionFilter(filters.FilterSet):  # type: ignore[misc]
    """What the list can be cut by."""

    status = filters.ChoiceFilter(choices=Transaction.Status.choices)
    outcome = filters.ChoiceFilter(
        field_name="decision__outcome",
        choices=[("allow", "allow"), ("hold", "hold"), ("deny", "deny")],
    )
    agent = filters.CharFilter(field_name="agent_id")
    created_after = InstantFilter(field_name="created_at", lookup_expr="gt")
    created_before = InstantFilter(field_name="created_at", lookup_expr="lt")


class TransactionRepresentation(serializers.BaseSerializer[Transaction]):
    """Lets generic list views use the one representation."""

    def to_representation(self, instance: Transaction) -> dict[str, Any]:
        return represent(instance)


def readable_transactions(request: Request) -> QuerySet[Transaction]:
    """Return what a caller may read: a person's scope, or an agent's own."""
    if isinstance(request.user, User):
        return queries.transactions_visible_to(request.user)
    return queries.transactions_of_agent(agent_of(request).principal_id)


def readable_transaction(request: Request, transaction_id: str) -> Transaction:
    """Return one readable transaction or raise TransactionNotFound."""
    if isinstance(request.user, User):
        return queries.transaction_for(request.user, transaction_id)
    return queries.transaction_of_agent(agent_of(request).principal_id, transaction_id)


class TransactionListCreateView(StrictQueryView, ListCreateAPIView[Transaction]):
    """The decision endpoint, and the list of what was decided."""

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
        return queries.represented(readable_transactions(self.request))

    @extend_schema(
        operation_id="transactions_list", responses={200: TransactionOutput(many=True)}
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List what was asked to spend, newest first."""
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
        """Ask to spend: allowed, held for a human, or denied, with the reasons."""
        key = idempotency_key(request)
        answer = services.request_transaction(
            parse_ask(request.data), acting=agent_of(request), idempotency_key=key
        )
        return answered(answer)


class TransactionDetailView(StrictQueryView):
    """One transaction; `?wait=30` waits while a human decides."""

    query_parameters = frozenset({"wait"})
    permission_classes = [IsPerson | IsAgent]

    @extend_schema(
        operation_id="transactions_retrieve",
        parameters=[WAIT_PARAMETER],
        responses={200: TransactionOutput},
    )
    def get(self, request: Request, transaction_id: str) -> Response:
        found = readable_transaction(request, transaction_id)
        deadline = time.monotonic() + _wait_s(request)
        if _is_waiting(found) and _waiting.acquire(blocking=False):
            try:
                while _is_waiting(found) and time.monotonic() < deadline:
                    time.sleep(WAIT_STEP_S)
                    found = readable_transaction(request, transaction_id)
            finally:
                _waiting.release()
        if _is_waiting(found) and _may_decide(request):
            # The ETag is what an answer must quote: whoever gets it has looked.
            services.view_approval(found.approval.pk, acting=person_of(request))
        return Response(represent(found), headers=_etag(found))


def _may_decide(request: Request) -> bool:
    person = request.user
    return isinstance(person, User) and person.has_perm(APPROVE)


def _is_waiting(found: Transaction) -> bool:
    return bool(found.status == Transaction.Status.PENDING_APPROVAL)


def _wait_s(request: Request) -> int:
    text = request.query_params.get("wait", "0")
    if not re.fullmatch(r"[0-9]{1,2}", text) or int(text) > WAIT_MAX.seconds:
        raise InvalidRequest(
            "wait_out_of_range", "Wait 0 to 30 seconds.", pointer="/query/wait"
        )
    return int(text)


def _etag(found: Transaction) -> dict[str, str]:
    if not hasattr(found, "approval"):
        return {}
    return {"ETag": f'"{queries.etag_of(found.approval)}"'}


class DecisionView(StrictQueryView):
    """Everything behind the verdict."""

    permission_classes = [IsPerson]

    @extend_schema(
        operation_id="transactions_decision", responses={200: DecisionOutput}
    )
    def get(self, request: Request, transaction_id: str) -> Response:
        found = readable_transaction(request, transaction_id)
        return Response(DecisionOutput(found.decision).data)


class _ResolveView(StrictQueryView):
    """What approving and denying share: who, how often, and what was seen."""

    permission_classes = [HasPermission(APPROVE)]
    rate_class = "high_risk"

    def approval_and_etag(
        self, request: Request, transaction_id: str
    ) -> tuple[str, str]:
        """Return the approval request's id and its ETag, "" if another is quoted."""
        found = readable_transaction(request, transaction_id)
        if not hasattr(found, "approval"):
            raise InvalidState("This transaction was never held.")
        header = request.headers.get("If-Match", "")
        if not header.strip():
            raise PreconditionRequired
        current = queries.etag_of(found.approval)
        return found.approval.pk, current if current in quoted_tags(header) else ""


class ApproveView(_ResolveView):
    """Approve a held transaction; the last approval that it needs authorizes it."""

    @extend_schema(
        operation_id="transactions_approve",
        parameters=[ETAG_PARAMETER],
        examples=[
            OpenApiExample(
                "A reason", {"reason": "Ordered by the team."}, request_only=True
            )
        ],
        request=ApproveInput,
        responses={200: TransactionOutput},
    )
    @raises(
        PreconditionRequired,
        InvalidState,
        AlreadyApproved,
        ApprovalChanged,
        ApprovalExpired,
        ApprovalResolved,
        StillRefused,
    )
    def post(self, request: Request, transaction_id: str) -> Response:
        body = ApproveInput(data=request.data)
        body.is_valid(raise_exception=True)
        approval_id, etag = self.approval_and_etag(request, transaction_id)
        services.approve(
            approval_id,
            acting=person_of(request),
            reason=body.validated_data["reason"],
            expected_digest=etag,
        )
        return Response(represent(readable_transaction(request, transaction_id)))


class DenyView(_ResolveView):
    """Deny a held transaction, and say why."""

    @extend_schema(
        operation_id="transactions_deny",
        parameters=[ETAG_PARAMETER],
        request=DenyInput,
        responses={200: TransactionOutput},
    )
    @raises(
        PreconditionRequired,
        InvalidState,
        ApprovalChanged,
        ApprovalExpired,
        ApprovalResolved,
    )
    def post(self, request: Request, transaction_id: str) -> Response:
        body = DenyInput(data=request.data)
        body.is_valid(raise_exception=True)
        approval_id, etag = self.approval_and_etag(request, transaction_id)
        services.deny_approval(
            approval_id,
            acting=person_of(request),
            reason=body.validated_data["reason"],
            expected_digest=etag,
        )
        return Response(represent(readable_transaction(request, transaction_id)))


class CancelView(StrictQueryView):
    """The agent takes its request back while it still waits."""

    permission_classes = [IsAgent]

    @extend_schema(
        operation_id="transactions_cancel",
        request=None,
        responses={200: TransactionOutput},
    )
    @raises(InvalidState)
    def post(self, request: Request, transaction_id: str) -> Response:
        refuse_fields(request)
        services.cancel(transaction_id, acting=agent_of(request))
        return Response(represent(readable_transaction(request, transaction_id)))
