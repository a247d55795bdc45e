"""The people who made an agent's policy and credentials, and so decide nothing."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.queries import humans_of, speakers_of
from agents.models import Agent, AgentCredential, PolicyVersion
from agents.queries import hand_overs_of
from audit.base.context import Principal


def makers_of(
    agent_id: str,
    *,
    credentials: QuerySet[AgentCredential],
    policies: QuerySet[PolicyVersion],
) -> frozenset[str]:
    """Return the humans involved in an agent, by humans_of(). 2 queries.

    Those are its owner and creator, the people who issued these credentials or
    requested these policies, former owners, the people who asked to hand it over, and
    everybody who could act through any of their accounts then.
    """
    agents, moves = Agent.objects.filter(pk=agent_id), hand_overs_of(agent_id)
    found = Q(pk__in=agents.values("owner")) | Q(pk__in=moves.values("from_owner"))
    for rows in (agents, credentials, policies, moves):
        found |= Q(pk__in=rows.values("created_by"))
        found |= Q(pk__in=speakers_of(rows).values("pk"))
    return humans_of(*User.objects.filter(found).only("same_person_as"))


def made_by_oneself(acting: Principal, agent_id: str) -> bool:
    """Return whether four eyes keep a caller from unlocking or reactivating an agent.

    They are a maker of it, by the policy in force and the credentials that have not
    expired. A revoked one counts too: otherwise its issuer could revoke it, unlock the
    agent and issue the next.
    """
    if not settings.FOUR_EYES or not isinstance(acting, User):
        return False
    agents = Agent.objects.filter(pk=agent_id)
    makers = makers_of(
        agent_id,
        credentials=AgentCredential.objects.filter(
            agent=agent_id, expires_at__gt=timezone.now()
        ),
        policies=PolicyVersion.objects.filter(pk__in=agents.values("policy_version")),
    )
    return bool(humans_of(acting) & makers)
