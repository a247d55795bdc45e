"""An agent asks to call a function; the registry and its policy answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from agents.core.policy import PolicyRules
from agents.principals import AgentPrincipal
from agents.queries import (
    CallableFunction,
    LockedAgent,
    lock_agent_row,
    policy_in_force,
)
from audit.base.batch import Insert, write_together
from audit.models import AuditEvent
from audit.services.recording import Outcome as AuditOutcome
from audit.services.recording import build_event
from security.schemas.core.json_schema import check
from transactions.calls.core.decision import CallFacts, decide_call
from transactions.calls.models import FunctionCall
from transactions.calls.queries import CallSnapshot, call_snapshot
from transactions.calls.representation import call_body
from transactions.decisions.core.digest import digest
from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.record import policy_digest, verdict_as_json
from transactions.decisions.core.values import as_json
from transactions.decisions.core.verdict import Verdict
from transactions.decisions.models import Decision
from transactions.decisions.services.answers import CREATED, Answer, keep, told_before
from transactions.decisions.services.recording import with_digest


def request_function_call(
    function: str,
    parameters: Mapping[str, Any],
    *,
    acting: AgentPrincipal,
    idempotency_key: str,
) -> Answer:
    """Decide on a call: registered, enabled, allowed by the policy, well-formed.

    One durable transaction on the agent's locked row: a duplicate that arrives
    meanwhile waits there, and gets the first one's answer. The parameters themselves
    are not stored, only their digest. A deny is an answer, not an error. Raises
    IdempotencyConflict.
    """
    # One that no transaction's body has, for they share an agent's keys.
    asked = digest({"call": function, "parameters": parameters})
    with transaction.atomic(durable=True):
        agent = lock_agent_row(acting.principal_id)
        snapshot = call_snapshot(
            function,
            agent=agent,
            credential_id=acting.credential_id,
            idempotency_key=idempotency_key,
        )
        if snapshot.answer is not None:
            return told_before(snapshot.answer, request_digest=asked)
        policy, registered = policy_in_force(agent), snapshot.registered
        call = FunctionCall(
            agent_id=agent.id,
            function=function,
            function_version_id=registered.version_id if registered else None,
            parameters_digest=digest(parameters),
            created_at=agent.now,
        )
        facts = _facts(function, parameters, snapshot)
        decision = _decided(call, facts, policy)
        answer = Answer(
            CREATED,
            call_body(
                call,
                decision,
                function_number=registered.version_number if registered else None,
                policy_number=policy.number if policy else None,
            ),
            is_replay=False,
        )
        write_together(
            Insert([call]),
            Insert([decision]),
            Insert([keep(answer, agent, idempotency_key, request_digest=asked)]),
            Insert([_event(call, decision, agent, acting)]),
        )
    return answer


def _facts(
    function: str, parameters: Mapping[str, Any], snapshot: CallSnapshot
) -> CallFacts:
    registered, standing = snapshot.registered, snapshot.standing
    return CallFacts(
        function=function,
        is_registered=registered is not None,
        is_enabled=registered is not None and registered.is_enabled,
        violations=_violations(registered, parameters),
        agent_is_active=standing.agent_is_active,
        owner_is_active=standing.owner_is_active,
        credential_is_live=standing.credential_is_live,
        locks=standing.locks,
        effect=registered.effect if registered else None,
    )


def _violations(
    registered: CallableFunction | None, parameters: Mapping[str, Any]
) -> tuple[str, ...] | None:
    """Return what is wrong with the parameters; None when that cannot be told."""
    if registered is None:
        return ()
    try:
        found = check(registered.schema, parameters)
    except Exception:  # noqa: BLE001 - a schema check that fails must deny.
        return None
    return tuple(f"{violation.pointer}: {violation.message}" for violation in found)


def _decided(
    call: FunctionCall, facts: CallFacts, policy: PolicyRules | None
) -> Decision:
    """Return the decision on an unsaved call, and give the call its status."""
    outcome, findings = decide_call(facts, policy)
    granted = outcome is Outcome.ALLOW
    status = FunctionCall.Status
    call.status = status.GRANTED if granted else status.DECLINED
    return with_digest(
        Decision(
            function_call=call,
            inputs={"facts": as_json(facts), "policy_digest": policy_digest(policy)},
            policy_version_id=policy.id if policy else None,
            decided_at=call.created_at,
            **verdict_as_json(Verdict(outcome, findings, None)),
        )
    )


def _event(
    call: FunctionCall, decision: Decision, agent: LockedAgent, acting: AgentPrincipal
) -> AuditEvent:
    granted = call.status == FunctionCall.Status.GRANTED
    return build_event(
        "function_call.decided",
        target=("function_call", call.id, call.function),
        owner_id=agent.owner_id,
        outcome=AuditOutcome.SUCCESS if granted else AuditOutcome.REFUSED,
        details={
            "function": call.function,
            "outcome": decision.outcome,
            "reasons": [finding["code"] for finding in decision.findings],
            "digest": decision.digest,
            "agent": agent.id,
            "mode": agent.mode,
        },
        actor=acting,
        occurred_at=call.created_at,
    )
