"""The API of hand-overs: give an agent another owner."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import HasPermission, person_of
from agents.api.agents import AgentOutput
from agents.errors import HandOverRefused, NameTaken
from agents.queries import agent_for
from agents.services.hand_overs import PERMISSION
from audit.base.raises import raises
from audit.base.serializers import StrictCharField, StrictSerializer, body_of
from audit.base.strict_query import StrictQueryView
from security.changes.api import WAITS, ChangeRequestOutput
from security.changes.models import ChangeRequest
from transactions.hand_overs.services import hand_over_agent


class HandOverInput(StrictSerializer):
    owner = StrictCharField(max_length=40, help_text="A person's id.")
    reason = StrictCharField(max_length=500, help_text="Others will read it.")


class HandOverView(StrictQueryView):
    """Make another person the owner of an agent."""

    permission_classes = [HasPermission(PERMISSION)]
    rate_class = "high_risk"

    @extend_schema(
        operation_id="agents_hand_over",
        request=HandOverInput,
        responses={200: AgentOutput, 202: WAITS},
        tags=["agents"],
    )
    @raises(HandOverRefused, NameTaken)
    def post(self, request: Request, agent_id: str) -> Response:
        """Ask a second person to approve; the agent's credentials end with it."""
        given = body_of(HandOverInput, request)
        person = person_of(request)
        outcome = hand_over_agent(
            agent_id,
            owner_id=given["owner"],
            reason=given["reason"],
            acting=person,
        )
        if isinstance(outcome, ChangeRequest):
            return Response(ChangeRequestOutput(outcome).data, status=202)
        return Response(AgentOutput(agent_for(person, agent_id)).data)
