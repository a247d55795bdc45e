"""What the agents' pages read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.models import QuerySet

from agents.models import Agent, PolicyVersion
from security.models import ResourceLock


def versions_of(agent: Agent) -> QuerySet[PolicyVersion]:
    """Return an agent's policy versions with who made each, newest first."""
    return agent.policy_versions.select_related("created_by").order_by("-number")


def locks_on(agents: Iterable[Agent]) -> Mapping[str, ResourceLock]:
    """Return the live lock of each locked agent by its id, in 1 query."""
    locks = ResourceLock.objects.filter(
        kind=ResourceLock.Kind.AGENT,
        target_id__in=[agent.pk for agent in agents],
        released_at=None,
    )
    return {lock.target_id: lock for lock in locks}


def locks_over(agent: Agent) -> QuerySet[ResourceLock]:
    """Return every live lock that stops this agent: its own, its owner's, the whole."""
    kinds = ResourceLock.Kind
    live = ResourceLock.objects.filter(released_at=None)
    return (
        live.filter(kind=kinds.AGENT, target_id=agent.pk)
        | live.filter(kind=kinds.USER, target_id=agent.owner_id)
        | live.filter(kind=kinds.EVERYTHING)
    )
