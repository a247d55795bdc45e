"""Read a transaction that may wait, approve and deny it in the API."""

from __future__ import annotations

import re
import threading
import time
from datetime import timedelta

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.permissions import HasPermission, IsPerson, person_of
from agents.permissions import IsAgent
from audit.base.core.entity_tags import quoted_tags
from audit.base.raises import raises
from audit.base.serializers import body_of
from audit.base.strict_query import StrictQueryView
from transactions.approvals.queries.approvals import etag_of
from transactions.approvals.serializers import ApproveInput, DenyInput
from transactions.approvals.services.approvals import (
    approve,
    deny_approval,
    view_approval,
)
from transactions.approvers.queries import APPROVE
from transactions.errors import (
    AlreadyApproved,
    ApprovalChanged,
    ApprovalExpired,
    ApprovalResolved,
    InvalidRequest,
    InvalidState,
    PreconditionRequired,
    StillRefused,
)
from transactions.spending.api.serializers import TransactionOutput
from transactions.spending.api.views import (
    ETAG_PARAMETER,
    readable_transaction,
)
from transactions.spending.models import Transaction
from transactions.spending.representation import represent

WAIT_MAX = timedelta(seconds=30)
WAIT_PARAMETER = OpenApiParameter(
    "wait",
    {"type": "integer", "minimum": 0, "maximum": WAIT_MAX.seconds},
    description="Seconds to wait while it is pending approval.",
)


WAIT_STEP_S = 0.5
# Waiting clients hold at most half of the web threads; the rest answer at once.
_waiting = threading.BoundedSemaphore(settings.WEB_THREADS // 2)


class TransactionDetailView(StrictQueryView):
    """Return one transaction; `?wait=30` waits up to 30 seconds for a human."""

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
            # The response has the ETag that a verdict must quote, so record the view.
            view_approval(found.approval.pk, acting=person_of(request))
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
    return {"ETag": f'"{etag_of(found.approval)}"'}


class _ResolveView(StrictQueryView):
    """Shared by approving and denying: permission, rate limit and If-Match."""

    permission_classes = [HasPermission(APPROVE)]
    rate_class = "high_risk"

    def approval_and_etag(
        self, request: Request, transaction_id: str
    ) -> tuple[str, str]:
        """Return the approval request's id and its ETag; "" if If-Match has another."""
        found = readable_transaction(request, transaction_id)
        if not hasattr(found, "approval"):
            raise InvalidState("This transaction was never held.")
        header = request.headers.get("If-Match", "")
        if not header.strip():
            raise PreconditionRequired
        current = etag_of(found.approval)
        return found.approval.pk, current if current in quoted_tags(header) else ""


class ApproveView(_ResolveView):
    """Approve a held transaction; the final required approval authorizes it."""

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
        body = body_of(ApproveInput, request)
        approval_id, etag = self.approval_and_etag(request, transaction_id)
        approve(
            approval_id,
            acting=person_of(request),
            reason=body["reason"],
            expected_digest=etag,
        )
        return Response(represent(readable_transaction(request, transaction_id)))


class DenyView(_ResolveView):
    """Deny a held transaction; a reason is required."""

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
        body = body_of(DenyInput, request)
        approval_id, etag = self.approval_and_etag(request, transaction_id)
        deny_approval(
            approval_id,
            acting=person_of(request),
            reason=body["reason"],
            expected_digest=etag,
        )
        return Response(represent(readable_transaction(request, transaction_id)))
