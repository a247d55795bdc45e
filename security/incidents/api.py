"""Incidents in the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.base.context import caller
from audit.base.permissions import requires
from audit.base.raises import Method, raises
from audit.base.serializers import StrictCharField, StrictSerializer, body_of
from audit.base.strict_query import StrictQueryView
from security.errors import TransitionRefused
from security.incidents.core.states import actions_from
from security.incidents.models import Incident, IncidentStep
from security.incidents.queries import incident_list
from security.incidents.services import update_incident


class IncidentStepOutput(serializers.ModelSerializer[IncidentStep]):
    class Meta:
        model = IncidentStep
        fields = ("name", "done_at", "result")
        read_only_fields = fields


class IncidentResourceOutput(serializers.Serializer[Any]):
    kind = serializers.CharField()
    id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment] # Shadows Field.label.


class IncidentOutput(serializers.ModelSerializer[Incident]):
    object = serializers.CharField(read_only=True, default="incident")
    resource = serializers.SerializerMethodField()
    source_event = serializers.CharField(source="source_event_id")
    steps = IncidentStepOutput(many=True)
    measured = serializers.DictField(
        child=serializers.CharField(), help_text="Every limit that was exceeded."
    )
    actions = serializers.SerializerMethodField(help_text="What can be done now.")

    class Meta:
        model = Incident
        fields = (
            "id",
            "object",
            "trigger",
            "value",
            "measured",
            "status",
            "resource",
            "source_event",
            "opened_at",
            "ended_at",
            "steps",
            "actions",
        )
        read_only_fields = fields

    @extend_schema_field(IncidentResourceOutput)
    def get_resource(self, incident: Incident) -> dict[str, str]:
        return {
            "kind": incident.resource_kind,
            "id": incident.resource_id,
            "label": incident.resource_label,
        }

    def get_actions(self, incident: Incident) -> list[str]:
        return list(actions_from(incident.status, incident.resource_kind))


class IncidentFilter(filters.FilterSet):  # type: ignore[misc] # Untyped package.
    status = filters.ChoiceFilter(choices=Incident.Status.choices)
    trigger = filters.CharFilter()
    resource = filters.CharFilter(field_name="resource_id")


@extend_schema_view(
    get=extend_schema(operation_id="list_incidents", tags=["security operations"])
)
class IncidentListView(StrictQueryView, generics.ListAPIView[Incident]):
    """Incidents with the steps of their response, newest first."""

    permission_classes = (requires("security.view_incident"),)
    rate_class = "default"
    serializer_class = IncidentOutput
    filterset_class = IncidentFilter
    queryset = Incident.objects.none()
    ordering = ("-opened_at", "-id")

    def get_queryset(self) -> QuerySet[Incident]:
        return incident_list()


class IncidentNoteInput(StrictSerializer):
    note = StrictCharField(max_length=500, help_text="Why; others will read it.")


def _action(operation_id: str) -> Callable[[Method], Method]:
    """Return what documents a view that moves an incident on."""
    schema = extend_schema(
        operation_id=operation_id,
        tags=["security operations"],
        request=IncidentNoteInput,
        responses=IncidentOutput,
    )
    return lambda handler: schema(raises(TransitionRefused)(handler))


class IncidentActionView(StrictQueryView):
    """Base of what a person does with an incident; `action` names it."""

    permission_classes = (requires("security.change_incident"),)
    rate_class = "default"
    action = ""

    def _do(self, request: Request, incident_id: str) -> Response:
        body = body_of(IncidentNoteInput, request)
        incident = update_incident(
            incident_id,
            self.action,
            acting=caller(request),
            note=body["note"],
        )
        shown = incident_list().get(pk=incident.pk)
        return Response(IncidentOutput(shown).data)


class IncidentAcknowledgeView(IncidentActionView):
    action = "acknowledge"

    @_action("acknowledge_incident")
    def post(self, request: Request, incident_id: str) -> Response:
        """Take it on: somebody investigates."""
        return self._do(request, incident_id)


class IncidentContainView(IncidentActionView):
    action = "contain"

    @_action("contain_incident")
    def post(self, request: Request, incident_id: str) -> Response:
        """Stop the damage: locks the resource if it is not."""
        return self._do(request, incident_id)


class IncidentResolveView(IncidentActionView):
    action = "resolve"

    @_action("resolve_incident")
    def post(self, request: Request, incident_id: str) -> Response:
        """End it. Locks stay until somebody releases them."""
        return self._do(request, incident_id)


class IncidentCloseView(IncidentActionView):
    action = "close"

    @_action("close_incident")
    def post(self, request: Request, incident_id: str) -> Response:
        """File it, after what was learnt is written down."""
        return self._do(request, incident_id)
