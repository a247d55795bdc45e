"""Permissions of the endpoints for agents."""

from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from agents.principals import AgentPrincipal


class IsAgent(BasePermission):
    """An agent with a live credential; a person's token is never enough."""

    message = "This is for agents; people's tokens are refused."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, AgentPrincipal)


def agent_of(request: Request) -> AgentPrincipal:
    """Return the agent whom IsAgent has let in."""
    assert isinstance(request.user, AgentPrincipal)  # noqa: S101 - let in before.
    return request.user
