"""Changes that wait for a second person, by API."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import (
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.base.context import caller
from audit.base.errors import NotFound
from audit.base.permissions import IsHuman
from audit.base.raises import raises
from audit.base.serializers import StrictCharField, StrictSerializer, body_of
from audit.base.strict_query import StrictQueryView
from security.changes.models import ChangeRequest
from security.changes.queries import change_requests_visible_to
from security.changes.services import approve_change, reject_change
from security.errors import ChangeExpired, ChangeResolved, ChangeSuperseded


class ChangeTargetOutput(serializers.Serializer[Any]):
    id = serializers.CharField(
        help_text="An agent (policy, agent_owner), a person (role, approver_limit), a"
        " budget (shared_budget), or a transaction, / and the payment rail's reference"
        " (late_capture, late_reversal)."
    )
    label = serializers.CharField()  # type: ignore[assignment] # Shadows Field.label.


class ChangeRequestOutput(serializers.ModelSerializer[ChangeRequest]):
    object = serializers.CharField(read_only=True, default="change_request")
    target = serializers.SerializerMethodField()
    changes = serializers.DictField(
        help_text="By field: [old, new], or what is added and removed."
    )

    class Meta:
        model = ChangeRequest
        fields = (
            "id",
            "object",
            "kind",
            "status",
            "target",
            "changes",
            "requested_by",
            "requested_at",
            "expires_at",
            "resolved_by",
            "resolved_at",
            "reason",
        )
        read_only_fields = fields

    @extend_schema_field(ChangeTargetOutput)
    def get_target(self, change: ChangeRequest) -> dict[str, str]:
        return {"id": change.target_id, "label": change.target_label}


# What a view answers, with status 202, to a change that must wait.
WAITS = OpenApiResponse(
    ChangeRequestOutput,
    description="Nothing is changed until a second person agrees.",
)


class ChangeRequestFilter(filters.FilterSet):  # type: ignore[misc] # Untyped package.
    kind = filters.ChoiceFilter(choices=ChangeRequest.Kind.choices)
    status = filters.ChoiceFilter(choices=ChangeRequest.Status.choices)


@extend_schema_view(
    get=extend_schema(operation_id="list_change_requests", tags=["change requests"])
)
class ChangeRequestListView(StrictQueryView, generics.ListAPIView[ChangeRequest]):
    """The changes that you asked for, gain by or may decide, newest first."""

    permission_classes = (IsHuman,)
    rate_class = "default"
    serializer_class = ChangeRequestOutput
    filterset_class = ChangeRequestFilter
    queryset = ChangeRequest.objects.none()
    ordering = ("-requested_at", "-id")

    def get_queryset(self) -> QuerySet[ChangeRequest]:
        return change_requests_visible_to(caller(self.request))


class ChangeRequestDetailView(StrictQueryView):
    permission_classes = (IsHuman,)
    rate_class = "default"

    @extend_schema(
        operation_id="retrieve_change_request",
        tags=["change requests"],
        responses=ChangeRequestOutput,
    )
    def get(self, request: Request, change_id: str) -> Response:
        """Show one, so that the requester can see its outcome."""
        visible = change_requests_visible_to(caller(request))
        change = visible.filter(pk=change_id).first()
        if change is None:
            raise NotFound
        return Response(ChangeRequestOutput(change).data)


class ApproveChangeInput(StrictSerializer):
    reason = StrictCharField(max_length=500, default="", allow_blank=True)


class RejectChangeInput(StrictSerializer):
    reason = StrictCharField(max_length=500, help_text="Others will read it.")


class ChangeRequestApproveView(StrictQueryView):
    permission_classes = (IsHuman,)
    rate_class = "high_risk"

    @extend_schema(
        operation_id="approve_change_request",
        tags=["change requests"],
        request=ApproveChangeInput,
        responses=ChangeRequestOutput,
    )
    @raises(ChangeExpired, ChangeResolved, ChangeSuperseded)
    def post(self, request: Request, change_id: str) -> Response:
        """Agree as the second person: the change is in force with the answer."""
        body = body_of(ApproveChangeInput, request)
        change = approve_change(
            change_id, acting=caller(request), reason=body["reason"]
        )
        return Response(ChangeRequestOutput(change).data)


class ChangeRequestRejectView(StrictQueryView):
    permission_classes = (IsHuman,)
    rate_class = "high_risk"

    @extend_schema(
        operation_id="reject_change_request",
        tags=["change requests"],
        request=RejectChangeInput,
        responses=ChangeRequestOutput,
    )
    @raises(ChangeExpired, ChangeResolved)
    def post(self, request: Request, change_id: str) -> Response:
        """Refuse it for good, or withdraw what you asked for yourself."""
        body = body_of(RejectChangeInput, request)
        change = reject_change(change_id, acting=caller(request), reason=body["reason"])
        return Response(ChangeRequestOutput(change).data)
