"""An agent gets another owner: one person asks, a second one agrees.

Both people must be responsible for both owners. The agent's credentials end, because
the former owner knew them. Former owners and the requester cannot decide on the agent's
requests: see approval_context().
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import User
from accounts.queries import owners_visible_to
from agents.errors import HandOverRefused, NameTaken, OwnerRefused
from agents.models import Agent, AgentCredential, AgentHandOver
from agents.queries import in_the_way_of_handing_over
from agents.services.access import lock_managed, target, telling_taken_name
from agents.services.agents import NAME_ONCE
from agents.services.credentials import end_credentials
from audit.base.context import Principal
from audit.base.errors import NotFound, NotPermitted
from audit.base.readable import REASON_MAX
from audit.services.recording import masked_text, record
from security.changes.four_eyes import four_eyes_note
from security.changes.models import ChangeRequest
from security.changes.services import Proposal, request_change
from security.errors import ChangeSuperseded
from security.locks.services import check_reason

PERMISSION = "agents.change_agent"
# What else changes with the owner, from higher packages: name -> [old, new], or what is
# added and removed.
Consequences = Callable[[Agent, User], Mapping[str, Any]]


def hand_over(
    agent_id: str,
    *,
    owner_id: str,
    reason: str,
    consequences: Consequences,
    acting: User,
) -> Agent | ChangeRequest:
    """Ask a second person to hand an agent over; nothing changes until they agree.

    Where one person runs the platform it is done at once. Raises NotFound,
    NotPermitted, OwnerRefused, HandOverRefused, NameTaken, ReasonMissing.
    """
    check_reason(reason)
    with transaction.atomic(durable=True):
        agent = lock_managed(agent_id, PERMISSION, acting)
        owner = _next_owner(agent, owner_id, acting)
        if settings.FOUR_EYES:
            proposal = _proposal(agent, owner, reason, consequences(agent, owner))
            return request_change(proposal, acting=acting)
        more_details = {"reason": reason, **four_eyes_note()}
        _give(
            agent,
            owner,
            author=acting,
            agreed_by=None,
            acting=acting,
            more_details=more_details,
        )
    return agent


def apply_hand_over(change: ChangeRequest, *, acting: Principal) -> None:
    """Hand over an agent after a second person approved it (security/changes).

    Raises ChangeSuperseded if something has changed since: the owner, a team, a lock,
    or the requester's rights.
    """
    author = User.objects.get(pk=change.requested_by_id)
    agreed_by = User.objects.get(pk=acting.principal_id)
    more_details = {"reason": change.payload["reason"], "change_request": change.pk}
    try:
        agent = lock_managed(change.target_id, PERMISSION, author)
        owner = _next_owner(agent, change.payload["owner"], author)
        if change.base != _base(agent, owner):
            raise ChangeSuperseded
        _give(
            agent,
            owner,
            author=author,
            agreed_by=agreed_by,
            acting=acting,
            more_details=more_details,
        )
    except (NotFound, NotPermitted) as error:
        raise ChangeSuperseded("Who asked for it may no longer do so.") from error
    except (OwnerRefused, HandOverRefused, NameTaken) as error:
        raise ChangeSuperseded(error.detail) from error


def _next_owner(agent: Agent, owner_id: str, acting: User) -> User:
    """Return who may get an agent: another active person, and nothing is locked."""
    others = owners_visible_to(acting).filter(is_active=True).exclude(pk=agent.owner_id)
    owner = others.filter(pk=owner_id).first()
    if owner is None:
        raise OwnerRefused(
            "There is no such active person among those you answer for, or it is"
            " theirs already.",
            pointer="/owner",
        )
    if in_the_way_of_handing_over(agent, owner):
        raise HandOverRefused
    if Agent.objects.filter(owner=owner, name=agent.name).exists():
        raise NameTaken("The new owner has an agent of this name; rename one of them.")
    return owner


def _base(agent: Agent, owner: User) -> dict[str, Any]:
    """Return what a proposal starts from: with another of these it is another one."""
    return {"owner": agent.owner_id, "teams": [agent.owner.team_id, owner.team_id]}


def _proposal(
    agent: Agent, owner: User, reason: str, consequences: Mapping[str, Any]
) -> Proposal:
    before = agent.owner
    teams = [str(person.team) if person.team else None for person in (before, owner)]
    masked = masked_text(reason, REASON_MAX)
    return Proposal(
        kind=ChangeRequest.Kind.AGENT_OWNER,
        target_id=agent.pk,
        target_label=agent.name,
        owner_id=before.pk,
        payload={"owner": owner.pk, "reason": masked},
        base=_base(agent, owner),
        changes={
            "owner": [before.username, owner.username],
            **({"team": teams} if before.team_id != owner.team_id else {}),
            **consequences,
            "reason": [None, masked],
        },
    )


def _give(
    agent: Agent,
    owner: User,
    *,
    author: User,
    agreed_by: User | None,
    acting: Principal,
    more_details: Mapping[str, str],
) -> None:
    """Change a locked agent's owner, and end the credentials that the old one knew."""
    before = agent.owner
    AgentHandOver.objects.create(
        agent=agent,
        from_owner=before,
        to_owner=owner,
        created_by=author,
        agreed_by=agreed_by,
    )
    credentials = AgentCredential.objects.filter(agent=agent)
    end_credentials(credentials, agent, reason="handed_over", acting=acting)
    agent.owner = owner
    # One of that name may be made meanwhile: the new owner's agents are not locked.
    with telling_taken_name(NAME_ONCE), transaction.atomic():
        agent.save(update_fields=["owner"])
    record(
        "agent.handed_over",
        target=target(agent),
        owner_id=owner.pk,
        details={"from": before.username, "to": owner.username, **more_details},
        actor=acting,
    )
