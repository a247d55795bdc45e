"""What may be read of agents, and what decisions read of them."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from accounts.models import User
from accounts.queries import accounts_of, humans_of, owners_visible_to
from agents.core.effects import READ
from agents.errors import PolicyDamaged
from agents.models import Agent, AgentCredential, AgentHandOver, Function, PolicyVersion
from agents.policy.core.policy import (
    PolicyRules,
    compile_rules,
    major_units,
)
from audit.base.core.lookalikes import LOOKS, Looks
from audit.base.errors import NotFound
from audit.base.prepared import first_row
from security.encryption.fields import Sealed
from security.locks.models import ResourceLock
from security.locks.queries import STOPPING_LOCKS, live_locks, locks_stopping
from security.signing.core.keys import Ed25519Key, HmacKey, VerifyingKey

DAY = timedelta(days=1)
# The fields of LockedAgent without its clock.
AGENT_COLUMNS = """
    id::text, owner_id::text, created_by_id::text, name::text, mode::text,
    is_active, policy_version_id::text
"""

_LIVE_CREDENTIAL = """
SELECT c.id::text, a.id::text, a.name::text, a.mode::text, a.owner_id::text,
    a.policy_version_id::text, coalesce(p.requires_signature, false),
    c.public_key::text, c.signing_secret
FROM agents_agentcredential c
    JOIN agents_agent a ON a.id = c.agent_id
    JOIN accounts_user u ON u.id = a.owner_id
    LEFT JOIN agents_policyversion p ON p.id = a.policy_version_id
WHERE c.id = %(credential)s AND a.id = %(agent)s
    AND c.revoked_at IS NULL AND c.expires_at > %(now)s
    AND a.is_active AND u.is_active
"""

# Materialized, so that the clock is read after the wait for the lock, not before.
_LOCK_AGENT = f"""
WITH locked AS MATERIALIZED (
    SELECT {AGENT_COLUMNS} FROM agents_agent WHERE id = %s FOR UPDATE
)
SELECT *, clock_timestamp() FROM locked
"""  # noqa: S608 - constants only.

# What stops a caller, in addition to its agent's own row, as three columns.
# Parameters: those of STOPPING_LOCKS, credential (None without one) and clock, the
# time of the decision.
STANDING = f"""
    ARRAY(SELECT l.kind::text {STOPPING_LOCKS}),
    (SELECT u.is_active FROM accounts_user u WHERE u.id = %(owner)s),
    %(credential)s::text IS NULL OR EXISTS(
        SELECT FROM agents_agentcredential c
        WHERE c.id = %(credential)s AND c.agent_id = %(agent)s
          AND c.revoked_at IS NULL AND c.expires_at > %(clock)s)
"""  # noqa: S608 - constants only.

# A function as a call finds it, as one column. Parameter: function, an exact name.
FUNCTION = """
    (SELECT jsonb_build_object(
        'id', f.id, 'name', f.name, 'is_enabled', f.is_enabled, 'version_id', v.id,
        'version_number', v.number, 'effect', v.effect, 'schema', v.schema)
      FROM agents_function f
      JOIN agents_functionversion v ON v.id = f.current_version_id
      WHERE f.name = %(function)s)
"""


@dataclass(frozen=True, slots=True)
class LockedAgent:
    """An agent's row while its lock is held, and the database's clock after that."""

    id: str
    owner_id: str
    created_by_id: str
    name: str
    mode: str
    is_active: bool
    policy_version_id: str | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What may stop a caller, read under its agent's lock."""

    agent_is_active: bool
    locks: tuple[str, ...]
    owner_is_active: bool
    credential_is_live: bool


@dataclass(frozen=True, slots=True)
class CallableFunction:
    """A function as a call finds it: the newest version of an exact name."""

    id: str
    name: str
    is_enabled: bool
    version_id: str
    version_number: int
    effect: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LiveCredential:
    """A credential in force, with what authentication must know of its agent."""

    id: str
    agent_id: str
    agent_name: str
    agent_mode: str
    owner_id: str
    policy_version_id: str | None
    requires_signature: bool
    public_key: str
    signing_secret: bytes = field(repr=False)

    def verifying_key(self) -> VerifyingKey:
        """Return the key of the agent's signatures, decrypted, without a query."""
        if self.public_key:
            return Ed25519Key(base64.b64decode(self.public_key))
        # By its row, because the field decrypts nothing elsewhere, and records
        # failures.
        row = AgentCredential(pk=self.id)
        row.signing_secret = Sealed(self.signing_secret)
        return HmacKey(row.signing_secret)


def agents_visible_to(user: User) -> QuerySet[Agent]:
    """Return the agents of all owners whose data a person may see.

    The one rule about whose agent is whose: own, the team's, or all of them.
    """
    return Agent.objects.filter(owner__in=owners_visible_to(user))


def agents_listed(user: User) -> QuerySet[Agent]:
    """Return visible agents as lists and pages show them: one query.

    With owner, creator, policy in force, and whether the stop button is pressed.
    """
    agents = agents_visible_to(user)
    return with_locks(agents.select_related("owner", "created_by", "policy_version"))


def with_locks(agents: QuerySet[Agent]) -> QuerySet[Agent]:
    """Add `is_locked`, by a live lock of the agent's own, within the same query."""
    own_lock = live_locks(ResourceLock.Kind.AGENT).filter(target_id=OuterRef("pk"))
    return agents.annotate(is_locked=Exists(own_lock))


def agent_for(user: User, agent_id: str) -> Agent:
    """Return one visible agent as agents_listed() does, in 1 query.

    Raises NotFound, also for an agent that the person may not see.
    """
    agent = agents_listed(user).filter(pk=agent_id).first()
    if agent is None:
        raise NotFound
    return agent


def hand_overs_of(agent_id: str) -> QuerySet[AgentHandOver]:
    """Return an agent's changes of owner, each with former owner and requester."""
    return AgentHandOver.objects.filter(agent=agent_id)


def in_the_way_of_handing_over(agent: Agent, owner: User) -> bool:
    """Return whether a live lock stops an agent or its next owner. 2 queries."""
    locks = live_locks(ResourceLock.Kind.USER, owner.pk)
    return bool(locks_over(agent)) or locks.exists()


def credentials_of(agent: Agent) -> QuerySet[AgentCredential]:
    """Return an agent's credentials, dead or alive, without their secrets."""
    return AgentCredential.objects.filter(agent=agent).defer(
        "secret_hash", "signing_secret"
    )


def policy_versions(agent: Agent) -> QuerySet[PolicyVersion]:
    """Return all versions of an agent's policy with their authors, newest first."""
    versions = PolicyVersion.objects.filter(agent=agent).select_related("created_by")
    return versions.order_by("-number")


def functions_listed() -> QuerySet[Function]:
    """Return all registered functions with their newest versions: one query."""
    return Function.objects.select_related("current_version")


def function_named(name: str) -> Function:
    """Return a function with its newest version. Raises NotFound."""
    function = functions_listed().filter(name=name).first()
    if function is None:
        raise NotFound
    return function


def reading_functions(names: Iterable[str]) -> frozenset[str]:
    """Return which of these names are of functions that only read: 1 query."""
    reading = functions_listed().filter(current_version__effect=READ, name__in=names)
    return frozenset(reading.values_list("name", flat=True))


def is_named_live(function: str) -> bool:
    """Return whether the policy in force of a live agent names a function."""
    live = Agent.objects.filter(mode=Agent.Mode.LIVE)
    return live.filter(
        policy_version__document__allowed_functions__contains=[function]
    ).exists()


def credential_by_id(credential_id: str) -> AgentCredential | None:
    """Return a credential, dead or alive, with its agent and owner, in 1 query."""
    credentials = AgentCredential.objects.select_related("agent__owner")
    return credentials.filter(pk=credential_id).first()


def live_credential(
    credential_id: str, *, agent_id: str, now: datetime
) -> LiveCredential | None:
    """Return an agent's credential if it, the agent and the owner are live, in 1 query.

    Without a policy no signature is required, because nothing is allowed anyway.
    """
    parameters = {"credential": credential_id, "agent": agent_id, "now": now}
    row = first_row(_LIVE_CREDENTIAL, parameters)
    return None if row is None else LiveCredential(*row)


def lock_agent_row(agent_id: str) -> LockedAgent:
    """Lock an agent's row until the transaction ends, and return it with the time.

    1 statement. Policy version and active flag come from the locked row, so they are
    current; `now` is the only clock of a decision. Raises NotFound.
    """
    row = first_row(_LOCK_AGENT, [agent_id])
    if row is None:
        raise NotFound
    return LockedAgent(*row)


def granted_alone(person: User, *, besides: Agent) -> int:
    """Return what live agents may spend a day by this person's word alone: 3 queries.

    Over all agents but one, in major units of whatever currency. What was replaced
    within a day counts still, or else one agent after the other would get it all.
    """
    following = PolicyVersion.objects.filter(
        agent=OuterRef("agent"), number=OuterRef("number") + 1
    )
    alone = (
        PolicyVersion.objects.filter(
            created_by__in=accounts_of(humans_of(person)),
            agreed_by=None,
            agent__mode=Agent.Mode.LIVE,
        )
        .exclude(agent=besides)
        .annotate(replaced_at=Subquery(following.values("created_at")))
        .filter(Q(replaced_at=None) | Q(replaced_at__gt=timezone.now() - DAY))
    )
    most: Counter[tuple[str, str]] = Counter()
    budgets = alone.values_list(
        "agent", "document__currency", "document__daily_budget_minor"
    )
    for agent, currency, minor in budgets:
        most[agent, currency] = max(most[agent, currency], minor or 0)
    return sum(major_units(minor, currency) for (_, currency), minor in most.items())


def rules_of(version: PolicyVersion, looks: Looks = LOOKS) -> PolicyRules:
    """Return a stored version compiled for decisions, as it is now, without a query."""
    return compile_rules(
        version.terms, version_id=version.pk, number=version.number, looks=looks
    )


@lru_cache(maxsize=1024)
def policy_rules(version_id: str) -> PolicyRules:
    """Return a version compiled for decisions: 1 query the first time, then none.

    Safe to keep, because versions are immutable. Raises PolicyVersion.DoesNotExist, or
    PolicyDamaged for one that was changed in place.
    """
    version = PolicyVersion.objects.get(pk=version_id)
    rules = rules_of(version)
    if rules.digest != version.digest:
        raise PolicyDamaged
    return rules


def policy_in_force(agent: LockedAgent) -> PolicyRules | None:
    """Return the compiled policy of a locked agent; None means nothing is allowed."""
    version_id = agent.policy_version_id
    return None if version_id is None else policy_rules(version_id)


def function_of(column: str | None) -> CallableFunction | None:
    """Return the function of the column FUNCTION; None if there is no such name.

    A disabled function is returned as such.
    """
    return CallableFunction(**json.loads(column)) if column else None


def standing_now(
    agent: LockedAgent, *, credential_id: str | None, merchant: str
) -> Standing:
    """Return the standing of a caller who acts on a merchant. 1 statement."""
    parameters = standing_parameters(
        agent, credential_id=credential_id, merchant=merchant
    )
    row = first_row(f"SELECT {STANDING}", parameters)
    assert row is not None  # noqa: S101 - a SELECT without FROM has one.
    return standing_of(agent, row)


def standing_parameters(
    agent: LockedAgent,
    *,
    credential_id: str | None,
    merchant: str | None = None,
    function: str | None = None,
) -> dict[str, Any]:
    """Return the parameters of STANDING for what an agent asks."""
    return {
        "agent": agent.id,
        "owner": agent.owner_id,
        "merchant": merchant,
        "function": function,
        "credential": credential_id,
        "clock": agent.now,
    }


def standing_of(agent: LockedAgent, columns: Sequence[Any]) -> Standing:
    """Return the three columns of STANDING as an object; the owner must exist."""
    locks, owner_is_active, credential_is_live = columns
    return Standing(
        agent.is_active, tuple(locks), owner_is_active is True, credential_is_live
    )


def locks_on(agents: Iterable[Agent]) -> Mapping[str, ResourceLock]:
    """Return the live lock of each locked agent by its id, in 1 query."""
    own = live_locks(ResourceLock.Kind.AGENT)
    locks = own.filter(target_id__in=[agent.pk for agent in agents])
    return {lock.target_id: lock for lock in locks}


def locks_over(agent: Agent, *, merchant: str | None = None) -> list[ResourceLock]:
    """Return every live lock that stops this agent: its own, its owner's, the whole.

    Also that of a merchant, by its key.
    """
    return locks_stopping(agent_id=agent.pk, owner_id=agent.owner_id, merchant=merchant)
