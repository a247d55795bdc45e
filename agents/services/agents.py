"""Agents: making, changing, stopping and starting them."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from accounts.queries import owners_visible_to
from agents.errors import OwnAgentRefused, OwnerRefused
from agents.makers import made_by_oneself
from agents.models import Agent
from agents.services.access import (
    lock_managed,
    managed_agent,
    require,
    target,
    telling_taken_name,
)
from audit.base.core.visible import is_readable
from audit.base.errors import NameRefused
from audit.services.recording import record
from security.changes.four_eyes import four_eyes_note
from security.locks.services import lock_resource, unlock_resource
from security.step_up import require_step_up

NAME_ONCE = "agent_name_once_per_owner"


def create_agent(
    name: str, *, owner_id: str, mode: str = Agent.Mode.LIVE, acting: User
) -> Agent:
    """Create an agent for an active person that `acting` answers for.

    It has no policy yet, so nothing is allowed. Raises NotPermitted, OwnerRefused,
    NameRefused, NameTaken.
    """
    require(acting, "agents.add_agent")
    if not is_readable(name):
        raise NameRefused(pointer="/name")
    with telling_taken_name(NAME_ONCE), transaction.atomic(durable=True):
        owners = owners_visible_to(acting).filter(is_active=True)
        owner = owners.filter(pk=owner_id).first()
        if owner is None:
            raise OwnerRefused(pointer="/owner")
        agent = Agent(name=name, mode=mode, owner=owner, created_by=acting)
        agent.save(force_insert=True)
        record(
            "agent.created",
            target=target(agent),
            owner_id=owner.pk,
            details={"mode": mode, "owner": owner.username},
            actor=acting,
        )
    return agent


def update_agent(
    agent_id: str,
    *,
    name: str | None = None,
    is_active: bool | None = None,
    acting: User,
) -> Agent:
    """Rename, deactivate or reactivate an agent; None leaves a field as it is.

    Waits for a decision of the agent that is under way. Raises NotFound, NotPermitted,
    NameRefused, NameTaken, and OwnAgentRefused when one of its makers would reactivate
    it (agents.makers): the person who stopped it had a reason.
    """
    wanted = {"name": name, "is_active": is_active}
    with telling_taken_name(NAME_ONCE), transaction.atomic(durable=True):
        agent = lock_managed(agent_id, "agents.change_agent", acting)
        changes = {
            key: [getattr(agent, key), value]
            for key, value in wanted.items()
            if value is not None and value != getattr(agent, key)
        }
        if not changes:
            return agent
        if "name" in changes and not is_readable(str(name)):
            raise NameRefused(pointer="/name")
        reactivates = changes.get("is_active") == [False, True]
        if reactivates and made_by_oneself(acting, agent.pk):
            raise OwnAgentRefused
        if reactivates:
            require_step_up(acting)
        for key, (_, value) in changes.items():
            setattr(agent, key, value)
        agent.save(update_fields=changes)
        record(
            "agent.updated",
            target=target(agent),
            owner_id=agent.owner_id,
            details={"changes": changes, **four_eyes_note()},
            actor=acting,
        )
    return agent


def lock_agent(agent_id: str, *, reason: str, acting: User) -> None:
    """Lock an agent: nothing is allowed until it is unlocked.

    `security.locks` has the transaction and the event. Raises NotFound, NotPermitted.
    """
    agent = managed_agent(agent_id, "agents.change_agent", acting)
    lock_resource("agent", agent.pk, acting=acting, reason=reason)


def unlock_agent(agent_id: str, *, reason: str, acting: User) -> None:
    """Release an agent's stop button. Raises NotFound, NotPermitted."""
    agent = managed_agent(agent_id, "agents.change_agent", acting)
    unlock_resource("agent", agent.pk, acting=acting, reason=reason)
