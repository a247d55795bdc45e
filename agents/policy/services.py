"""Policies: each change is a new version, put in force under the agent's lock."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.conf import settings
from django.db import transaction

from accounts.models import User
from accounts.queries import serves_oneself
from agents.errors import PolicyChanged
from agents.models import Agent, PolicyVersion
from agents.policy.core.draft import parse_terms
from agents.policy.core.policy import (
    ALONE_IN_ALL,
    ALONE_UP_TO,
    OWNER_ALONE_UP_TO,
    describe_changes,
    functions_granted,
    in_major_units,
    loosens,
    needs_second_person,
    to_wire,
)
from agents.policy.core.terms import PolicyTerms
from agents.queries import granted_alone, reading_functions, rules_of
from agents.services.access import hold_functions, lock_managed, target
from audit.base.context import Principal
from audit.base.core.codec import as_json
from audit.base.errors import NotFound, NotPermitted
from audit.services.recording import record
from security.changes.four_eyes import four_eyes_note
from security.changes.models import ChangeRequest
from security.changes.services import Proposal, request_change
from security.errors import ChangeSuperseded
from security.step_up import require_step_up

PERMISSION = "agents.change_policy"


def set_policy(
    agent_id: str,
    terms: PolicyTerms,
    *,
    expected_numbers: Collection[int] | None = None,
    acting: User,
) -> PolicyVersion | ChangeRequest:
    """Put a new policy version in force, for decisions that start after this.

    Or ask a second person to, where one would loosen a live agent's limits beyond what
    their role grants alone (needs_second_person, C15), or let it call more
    functions that do anything but read: then nothing changes until somebody agrees.

    Locks the agent's row. `expected_numbers` are versions that the caller had read,
    of which one must be in force (0: none). To loosen it takes a fresh proof. Raises
    NotFound, NotPermitted, PolicyChanged, StepUpRequired.
    """
    with transaction.atomic(durable=True):
        agent = lock_managed(agent_id, PERMISSION, acting)
        number, old = _in_force(agent)
        if expected_numbers is not None and number not in expected_numbers:
            raise PolicyChanged(number)
        hold_functions(terms.allowed_functions or ())
        if loosens(old, terms):
            require_step_up(acting)
            # So that of two at once the later one sees what the earlier one granted.
            User.objects.select_for_update(no_key=True).get(pk=acting.pk)
        if _waits(agent, old, terms, acting):
            return request_change(_proposal(agent, terms), acting=acting)
        return put_in_force(agent, terms, author=acting, acting=acting)


def apply_policy_change(change: ChangeRequest, *, acting: Principal) -> None:
    """Put a policy in force that a second person approved (security/changes).

    Its author is who asked for it. Raises ChangeSuperseded if another version was put
    in force since, the agent was handed over, or the author may no longer set one.
    """
    author = User.objects.get(pk=change.requested_by_id)
    agreed_by = User.objects.get(pk=acting.principal_id)
    try:
        agent = lock_managed(change.target_id, PERMISSION, author)
    except (NotFound, NotPermitted) as error:
        raise ChangeSuperseded("Who asked for it may no longer do so.") from error
    number, _ = _in_force(agent)
    # The new owner could have approved limits of their own.
    if change.base != {"number": number} or change.owner_id != agent.owner_id:
        raise ChangeSuperseded
    terms = parse_terms(change.payload)
    hold_functions(terms.allowed_functions or ())
    more_details = {"change_request": change.pk}
    put_in_force(
        agent,
        terms,
        author=author,
        acting=acting,
        agreed_by=agreed_by,
        more_details=more_details,
    )


def _in_force(agent: Agent) -> tuple[int, PolicyTerms | None]:
    current = agent.policy_version
    return (current.number, current.terms) if current else (0, None)


def _proposal(agent: Agent, terms: PolicyTerms) -> Proposal:
    number, old = _in_force(agent)
    return Proposal(
        kind=ChangeRequest.Kind.POLICY,
        target_id=agent.pk,
        target_label=agent.name,
        owner_id=agent.owner_id,
        payload=to_wire(terms),
        base={"number": number},
        changes=describe_changes(old, terms),
    )


def put_in_force(
    agent: Agent,
    terms: PolicyTerms,
    *,
    author: User,
    acting: Principal,
    agreed_by: User | None = None,
    more_details: Mapping[str, str] | None = None,
) -> PolicyVersion:
    """Make the next version, asked for by `author`, of an agent whose row is locked.

    What only tightens keeps its second person.
    """
    number, old = _in_force(agent)
    if agent.policy_version and not loosens(old, terms):
        agreed_by = agreed_by or agent.policy_version.agreed_by
    version = PolicyVersion(
        agent=agent,
        number=number + 1,
        created_by=author,
        agreed_by=agreed_by,
        document=as_json(terms),
    )
    version.digest = rules_of(version).digest
    version.save(force_insert=True)
    agent.policy_version = version
    agent.save(update_fields=["policy_version"])
    record(
        "policy.version_created",
        target=target(agent),
        owner_id=agent.owner_id,
        details={
            "number": version.number,
            "changes": describe_changes(old, terms),
            **(more_details or four_eyes_note()),
        },
        actor=acting,
    )
    return version


def _waits(
    agent: Agent, old: PolicyTerms | None, new: PolicyTerms, acting: User
) -> bool:
    """Return whether a second person must agree; test agents move no money."""
    if agent.mode == Agent.Mode.TEST or not settings.FOUR_EYES:
        return False
    is_own = serves_oneself(acting, agent.owner_id)
    alone_up_to = OWNER_ALONE_UP_TO if is_own else ALONE_UP_TO[acting.role]
    if needs_second_person(old, new, alone_up_to=alone_up_to):
        return True
    functions = functions_granted(old, new)
    if not functions <= reading_functions(functions):
        return True
    in_all = granted_alone(acting, besides=agent) + in_major_units(new)
    return loosens(old, new) and in_all > ALONE_IN_ALL * ALONE_UP_TO[acting.role]
