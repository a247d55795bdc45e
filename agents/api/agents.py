"""Agents by API: list, make, show, change, stop, start. For people only."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsPerson, person_of
from agents.errors import NameTaken
from agents.models import Agent
from agents.queries import agent_for, agents_listed
from agents.services.agents import create_agent, lock_agent, unlock_agent, update_agent
from audit.base.filters import FlagFilter
from audit.base.raises import raises
from audit.base.serializers import (
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictSerializer,
    body_of,
)
from audit.base.strict_query import StrictQueryView
from security.errors import NotLocked


class AgentInput(StrictSerializer):
    name = StrictCharField(max_length=100)
    mode = StrictChoiceField(Agent.Mode.choices, default=Agent.Mode.LIVE)
    owner = StrictCharField(
        max_length=40, required=False, help_text="A person's id; yours unless given."
    )


class AgentChanges(StrictSerializer):
    name = StrictCharField(max_length=100, required=False)
    is_active = StrictBooleanField(required=False)


class ReasonInput(StrictSerializer):
    reason = StrictCharField(max_length=500)


class AgentOutput(serializers.ModelSerializer[Agent]):
    object = serializers.CharField(default="agent", read_only=True)
    policy_version = serializers.IntegerField(
        source="policy_version.number", default=None, allow_null=True, read_only=True
    )
    is_locked = serializers.BooleanField(
        read_only=True, help_text="Its stop button is pressed: nothing is allowed."
    )

    class Meta:
        model = Agent
        fields = [
            "id",
            "object",
            "name",
            "mode",
            "owner",
            "created_by",
            "is_active",
            "is_locked",
            "policy_version",
            "created_at",
        ]
        read_only_fields = fields


class AgentFilters(django_filters.FilterSet):  # type: ignore[misc] # It has no stubs.
    # A text, because a choice would reveal which ids exist.
    owner = django_filters.CharFilter(field_name="owner_id")
    is_active = FlagFilter()

    class Meta:
        model = Agent
        fields = ["name", "mode"]


class AgentListCreateView(StrictQueryView, generics.GenericAPIView[Agent]):
    """The agents that you may see; and making one."""

    permission_classes = [IsPerson]
    serializer_class = AgentOutput
    queryset = Agent.objects.none()
    filterset_class = AgentFilters

    def get_queryset(self) -> QuerySet[Agent]:
        return agents_listed(person_of(self.request))

    @extend_schema(
        operation_id="agents_list",
        responses=AgentOutput(many=True),
        tags=["agents"],
    )
    def get(self, request: Request) -> Response:
        """List the agents that you may see."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="agents_create",
        request=AgentInput,
        responses={201: AgentOutput},
        tags=["agents"],
    )
    @raises(NameTaken)
    def post(self, request: Request) -> Response:
        """Make an agent. It may do nothing before it has a policy."""
        acting = person_of(request)
        given = body_of(AgentInput, request)
        agent = create_agent(
            given["name"],
            mode=given["mode"],
            owner_id=given.get("owner", acting.pk),
            acting=acting,
        )
        return Response(_shown(request, agent.pk), status=201)


class AgentDetailView(StrictQueryView):
    """One agent."""

    permission_classes = [IsPerson]

    @extend_schema(
        operation_id="agents_retrieve", responses=AgentOutput, tags=["agents"]
    )
    def get(self, request: Request, agent_id: str) -> Response:
        """Show one agent."""
        return Response(_shown(request, agent_id))

    @extend_schema(
        operation_id="agents_update",
        request=AgentChanges,
        responses=AgentOutput,
        tags=["agents"],
    )
    @raises(NameTaken)
    def patch(self, request: Request, agent_id: str) -> Response:
        """Rename an agent, or deactivate it."""
        given = body_of(AgentChanges, request)
        update_agent(agent_id, **given, acting=person_of(request))
        return Response(_shown(request, agent_id))


class AgentLockView(StrictQueryView):
    """Press an agent's stop button: from now on nothing is allowed."""

    permission_classes = [IsPerson]
    rate_class = "high_risk"

    @extend_schema(
        operation_id="agents_lock",
        request=ReasonInput,
        responses=AgentOutput,
        tags=["agents"],
    )
    def post(self, request: Request, agent_id: str) -> Response:
        given = body_of(ReasonInput, request)
        lock_agent(agent_id, **given, acting=person_of(request))
        return Response(_shown(request, agent_id))


class AgentUnlockView(StrictQueryView):
    """Release an agent's stop button."""

    permission_classes = [IsPerson]
    rate_class = "high_risk"

    @extend_schema(
        operation_id="agents_unlock",
        request=ReasonInput,
        responses=AgentOutput,
        tags=["agents"],
    )
    @raises(NotLocked)
    def post(self, request: Request, agent_id: str) -> Response:
        given = body_of(ReasonInput, request)
        unlock_agent(agent_id, **given, acting=person_of(request))
        return Response(_shown(request, agent_id))


def _shown(request: Request, agent_id: str) -> dict[str, Any]:
    return dict(AgentOutput(agent_for(person_of(request), agent_id)).data)
