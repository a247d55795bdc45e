"""The audit log over the API. Reading it is itself written to it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.base.context import caller
from audit.base.permissions import requires
from audit.base.strict_query import StrictQueryView
from audit.filters import AuditEventFilter
from audit.models import AuditEvent
from audit.queries.reading import events_visible_to
from audit.services.recording import record_viewed


class AuditPartyOutput(serializers.Serializer[Any]):
    kind = serializers.CharField()
    id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment] # Shadows Field.label.


class AuditEventOutput(serializers.ModelSerializer[AuditEvent]):
    object = serializers.CharField(read_only=True, default="audit_event")
    actor = serializers.SerializerMethodField()
    target = serializers.SerializerMethodField()
    owner = serializers.CharField(source="owner_id")
    xact_id = serializers.CharField(
        required=False,
        help_text="The database transaction that wrote the event. Older events have no"
        " such field.",
    )

    class Meta:
        model = AuditEvent
        fields = (
            "id",
            "object",
            "occurred_at",
            "action",
            "outcome",
            "actor",
            "target",
            "owner",
            "address",
            "user_agent",
            "request_id",
            "details",
            "xact_id",
        )
        read_only_fields = fields

    def to_representation(self, event: AuditEvent) -> dict[str, Any]:
        """Return the object that the log seals."""
        shown = super().to_representation(event)
        if event.xact_id is None:
            del shown["xact_id"]
        return shown

    @extend_schema_field(AuditPartyOutput)
    def get_actor(self, event: AuditEvent) -> dict[str, str]:
        return {
            "kind": event.actor_kind,
            "id": event.actor_id,
            "label": event.actor_label,
        }

    @extend_schema_field(AuditPartyOutput)
    def get_target(self, event: AuditEvent) -> dict[str, str]:
        return {
            "kind": event.target_kind,
            "id": event.target_id,
            "label": event.target_label,
        }


class AuditEventListView(StrictQueryView, generics.ListAPIView[AuditEvent]):
    """Events, newest first."""

    permission_classes = (requires("audit.view_auditevent"),)
    rate_class = "default"
    serializer_class = AuditEventOutput
    filterset_class = AuditEventFilter
    queryset = AuditEvent.objects.none()
    ordering = ("-occurred_at", "-id")

    def get_queryset(self) -> QuerySet[AuditEvent]:
        return events_visible_to(caller(self.request))

    @extend_schema(operation_id="list_audit_events", tags=["audit"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = self.list(request, *args, **kwargs)
        record_viewed(filters=request.query_params.dict())
        return response


class AuditEventDetailView(StrictQueryView):
    """One event."""

    permission_classes = (requires("audit.view_auditevent"),)
    rate_class = "default"

    @extend_schema(
        operation_id="get_audit_event", tags=["audit"], responses=AuditEventOutput
    )
    def get(self, request: Request, event_id: str) -> Response:
        event = get_object_or_404(events_visible_to(caller(request)), pk=event_id)
        record_viewed(filters={"id": event.pk}, event=event)
        return Response(AuditEventOutput(event).data)
