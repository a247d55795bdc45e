"""An agent's policy by API: the version in force, setting a new one, all versions."""

from __future__ import annotations

import re

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsPerson, person_of
from agents.api.shared import HighRiskWritesView
from agents.errors import PolicyChanged
from agents.models import PolicyVersion
from agents.policy.serializers import PolicyInput, PolicyOutput
from agents.policy.services import set_policy
from agents.queries import agent_for, policy_versions
from audit.base.core.entity_tags import quoted_tags
from audit.base.errors import NotFound
from audit.base.raises import raises
from audit.base.serializers import body_of
from audit.base.strict_query import StrictQueryView
from security.changes.api import WAITS, ChangeRequestOutput
from security.changes.models import ChangeRequest

VERSION = re.compile(r"[0-9]{1,9}")
IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The ETag of the policy that you read; 412 if there is a newer one.",
)


class AgentPolicyView(HighRiskWritesView):
    """The limits in force for one agent."""

    permission_classes = [IsPerson]

    @extend_schema(
        operation_id="agents_policy_retrieve", responses=PolicyOutput, tags=["agents"]
    )
    def get(self, request: Request, agent_id: str) -> Response:
        version = agent_for(person_of(request), agent_id).policy_version
        if version is None:
            raise NotFound("The agent has no policy yet; nothing is allowed.")
        return _answer(version)

    @extend_schema(
        operation_id="agents_policy_set",
        parameters=[IF_MATCH],
        request=PolicyInput,
        responses={
            200: PolicyOutput,
            202: WAITS,
        },
        tags=["agents"],
    )
    @raises(PolicyChanged)
    def put(self, request: Request, agent_id: str) -> Response:
        """Set the policy. Looser limits of one's own live agent wait for another."""
        given = body_of(PolicyInput, request)
        outcome = set_policy(
            agent_id,
            given["terms"],
            expected_numbers=_expected_numbers(request),
            acting=person_of(request),
        )
        if isinstance(outcome, ChangeRequest):
            return Response(ChangeRequestOutput(outcome).data, status=202)
        return _answer(outcome)


@extend_schema_view(
    get=extend_schema(operation_id="agents_policy_versions_list", tags=["agents"])
)
class AgentPolicyVersionListView(StrictQueryView, generics.ListAPIView[PolicyVersion]):
    """All versions of an agent's policy, newest first."""

    permission_classes = [IsPerson]
    serializer_class = PolicyOutput
    queryset = PolicyVersion.objects.none()
    ordering = ("-number",)

    def get_queryset(self) -> QuerySet[PolicyVersion]:
        return policy_versions(
            agent_for(person_of(self.request), self.kwargs["agent_id"])
        )


def _answer(version: PolicyVersion) -> Response:
    headers = {"ETag": f'"{version.number}"'}
    return Response(PolicyOutput(version).data, headers=headers)


def _expected_numbers(request: Request) -> set[int] | None:
    """Return the version numbers that If-Match quotes, None where any will do."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    return {int(tag) for tag in quoted_tags(header) if VERSION.fullmatch(tag)}
