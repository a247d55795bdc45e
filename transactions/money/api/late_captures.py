"""The API of late captures: money that the payment rail took after its release."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import HasPermission, person_of
from audit.base.raises import raises
from audit.base.serializers import (
    StrictCharField,
    StrictRegexField,
    StrictSerializer,
    body_of,
)
from audit.base.strict_query import StrictQueryView
from security.changes.api import WAITS, ChangeRequestOutput
from security.changes.models import ChangeRequest
from transactions.errors import InvalidState, ReportChanged
from transactions.money.services.late_captures import (
    PERMISSION,
    report_late_capture,
    reverse_late_capture,
)
from transactions.spending.api.serializers import AmountField, TransactionOutput
from transactions.spending.models import Transaction
from transactions.spending.representation import represent

RESPONSES = {
    200: TransactionOutput,
    202: WAITS,
}


class ReferenceField(StrictRegexField):
    def __init__(self, *, help_text: str) -> None:
        super().__init__(
            r"\A[\x21-\x7e]{1,100}\Z",
            help_text=help_text,
            error_messages={
                "invalid": "Write 1 to 100 printable ASCII characters without blanks."
            },
        )


class LateCaptureInput(StrictSerializer):
    amount = AmountField()
    reference = ReferenceField(
        help_text="The payment rail's reference of this capture; identifies the report."
    )


class LateCaptureReversalInput(StrictSerializer):
    reference = ReferenceField(help_text="The reference of the wrong late capture.")
    reason = StrictCharField(max_length=500)


class LateCaptureView(StrictQueryView):
    """Report money that the payment rail took after it had been given back."""

    permission_classes = [HasPermission(PERMISSION)]
    rate_class = "high_risk"

    @extend_schema(
        operation_id="transactions_late_capture",
        request=LateCaptureInput,
        responses=RESPONSES,
    )
    @raises(InvalidState, ReportChanged)
    def post(self, request: Request, transaction_id: str) -> Response:
        """Record it; above the authorized amount a second person must approve first."""
        body = body_of(LateCaptureInput, request)
        outcome = report_late_capture(transaction_id, acting=person_of(request), **body)
        return _answer(outcome)


class LateCaptureReversalView(StrictQueryView):
    """Reverse a late capture that was reported wrongly."""

    permission_classes = [HasPermission(PERMISSION)]
    rate_class = "high_risk"

    @extend_schema(
        operation_id="transactions_late_capture_reverse",
        request=LateCaptureReversalInput,
        responses=RESPONSES,
    )
    @raises(InvalidState, ReportChanged)
    def post(self, request: Request, transaction_id: str) -> Response:
        """Reverse it with a counter-entry once a second person approves."""
        body = body_of(LateCaptureReversalInput, request)
        outcome = reverse_late_capture(
            transaction_id, acting=person_of(request), **body
        )
        return _answer(outcome)


def _answer(outcome: Transaction | ChangeRequest) -> Response:
    if isinstance(outcome, ChangeRequest):
        return Response(ChangeRequestOutput(outcome).data, status=202)
    return Response(represent(outcome))
