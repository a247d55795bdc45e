"""Policies: each change is a new version, put in force under the agent's lock."""

from __future__ import annotations

from dataclasses import asdict

from django.db import transaction

from accounts.models import User
from agents.core.policy import PolicyTerms, describe_changes, loosens
from agents.errors import OwnAgentRefused, PolicyChanged
from agents.models import Agent, PolicyVersion
from agents.queries import terms_of
from agents.services.access import lock_managed, target
from audit.services import record


def set_policy(
    agent_id: str,
    terms: PolicyTerms,
    *,
    expected_number: int | None = None,
    acting: User,
) -> PolicyVersion:
    """Put a new policy version in force, for decisions that start after this.

    Locks the agent's row. `expected_number` is the version that the caller had read
    (0: none). Raises NotFound, NotPermitted, PolicyChanged, and OwnAgentRefused when
    the owner of a live agent would loosen its limits (C7).
    """
    with transaction.atomic(durable=True):
        agent = lock_managed(agent_id, "agents.change_policy", acting)
        current = agent.policy_version
        number = current.number if current else 0
        if expected_number is not None and expected_number != number:
            raise PolicyChanged(number)
        old = terms_of(current) if current else None
        if _is_own_live_agent(agent, acting) and loosens(old, terms):
            raise OwnAgentRefused
        version = PolicyVersion.objects.create(
            agent=agent, number=number + 1, created_by=acting, **asdict(terms)
        )
        agent.policy_version = version
        agent.save(update_fields=["policy_version"])
        record(
            "policy.version_created",
            target=target(agent),
            owner_id=agent.owner_id,
            details={
                "number": version.number,
                "changes": describe_changes(old, terms),
            },
            actor=acting,
        )
    return version


def _is_own_live_agent(agent: Agent, acting: User) -> bool:
    """Tell whether a person would set their own limits; test agents move no money."""
    return agent.owner_id == acting.pk and agent.mode == Agent.Mode.LIVE
