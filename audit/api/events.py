"""The audit log over the API. Reading it is itself written to it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.context import caller
from audit.core.actions import ACTIONS
from audit.models import AuditEvent
from audit.permissions import requires
from audit.queries import events_visible_to
from audit.services import record_viewed


class AuditPartyOutput(serializers.Serializer[Any]):
    kind = serializers.CharField()
    id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment] # Shadows Field.label.


class AuditEventOutput(serializers.ModelSerializer[AuditEvent]):
    object = serializers.CharField(read_only=True, default="audit_event")
    actor = serializers.SerializerMethodField()
    target = serializers.SerializerMethodField()
    owner = serializers.CharField(source="owner_id")

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
        )

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


@extend_schema_field(OpenApiTypes.STR)
class AddressFilter(filters.Filter):  # type: ignore[misc] # Untyped package.
    field_class = forms.GenericIPAddressField


class AuditEventFilter(filters.FilterSet):  # type: ignore[misc] # Untyped package.
    action = filters.ChoiceFilter(choices=[(name, name) for name in ACTIONS])
    outcome = filters.ChoiceFilter(choices=AuditEvent.Outcome.choices)
    actor = filters.CharFilter(field_name="actor_id")
    actor_kind = filters.CharFilter()
    target = filters.CharFilter(field_name="target_id")
    owner = filters.CharFilter(field_name="owner_id")
    occurred_after = filters.IsoDateTimeFilter(
        field_name="occurred_at", lookup_expr="gte", help_text="From this instant on."
    )
    occurred_before = filters.IsoDateTimeFilter(
        field_name="occurred_at", lookup_expr="lt", help_text="Before this instant."
    )
    address = AddressFilter()
    request_id = filters.CharFilter()


class AuditEventListView(generics.ListAPIView[AuditEvent]):
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


class AuditEventDetailView(generics.RetrieveAPIView[AuditEvent]):
    """One event."""

    permission_classes = (requires("audit.view_auditevent"),)
    rate_class = "default"
    serializer_class = AuditEventOutput
    queryset = AuditEvent.objects.none()

    def get_queryset(self) -> QuerySet[AuditEvent]:
        return events_visible_to(caller(self.request))

    @extend_schema(operation_id="get_audit_event", tags=["audit"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        event = self.get_object()
        record_viewed(filters={"id": event.pk}, event=event)
        return Response(self.get_serializer(event).data)
