"""Live agents or test agents: which of them a page is about."""

from __future__ import annotations

from django.http import HttpRequest

from agents.models import Agent
from audit.base.refused import ParameterRefused

PARAMETER = "mode"


def mode_asked(request: HttpRequest) -> str:
    """Return what `?mode=` names, without it live. Raises ParameterRefused."""
    mode = request.GET.get(PARAMETER, Agent.Mode.LIVE)
    if mode not in Agent.Mode.values:
        raise ParameterRefused(f"{PARAMETER} is live or test.")
    return mode
