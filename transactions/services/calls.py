"""An agent asks to call a function; the registry and its policy answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from agents.principals import AgentPrincipal
from agents.queries import (
    CallableFunction,
    function_for_call,
    lock_agent_row,
    policy_in_force,
)
from audit.batch import Insert, write_together
from audit.services import Outcome as AuditOutcome
from audit.services import build_event
from security.core.json_schema import check
from transactions.core.calls import CallFacts, decide_call
from transactions.core.decision import Verdict
from transactions.core.digest import digest
from transactions.core.outcome import Outcome
from transactions.core.record import policy_digest, verdict_as_json
from transactions.core.values import as_json
from transactions.models import Decision, FunctionCall
from transactions.services.records import with_digest


def request_function_call(
    function: str, parameters: Mapping[str, Any], *, acting: AgentPrincipal
) -> tuple[FunctionCall, Decision]:
    """Decide on a call: registered, enabled, allowed by the policy, well-formed.

    One durable transaction on the agent's locked row. The parameters themselves are
    not stored, only their digest. A deny is an answer, not an error.
    """
    with transaction.atomic(durable=True):
        agent = lock_agent_row(acting.principal_id)
        policy = policy_in_force(agent)
        registered, standing = function_for_call(
            function, agent=agent, credential_id=acting.credential_id
        )
        facts = CallFacts(
            function=function,
            is_registered=registered is not None,
            is_enabled=registered is not None and registered.is_enabled,
            violations=_violations(registered, parameters),
            agent_is_active=standing.agent_is_active,
            owner_is_active=standing.owner_is_active,
            credential_is_live=standing.credential_is_live,
            locks=standing.locks,
        )
        outcome, findings = decide_call(facts, policy)
        call = FunctionCall(
            agent_id=agent.id,
            function=function,
            function_version_id=registered.version_id if registered else None,
            parameters_digest=digest(parameters),
            status=_status(outcome),
            created_at=agent.now,
        )
        decision = with_digest(
            Decision(
                function_call=call,
                inputs={
                    "facts": as_json(facts),
                    "policy_digest": policy_digest(policy),
                },
                policy_version_id=agent.policy_version_id,
                decided_at=agent.now,
                **verdict_as_json(Verdict(outcome, findings, None)),
            )
        )
        event = build_event(
            "function_call.decided",
            target=("function_call", call.id, function),
            owner_id=agent.owner_id,
            outcome=_audit_outcome(outcome),
            details={
                "function": function,
                "outcome": outcome.value,
                "reasons": [finding.code for finding in findings],
                "digest": decision.digest,
                "agent": agent.id,
                "mode": agent.mode,
            },
            actor=acting,
            occurred_at=agent.now,
        )
        write_together(Insert([call]), Insert([decision]), Insert([event]))
    return call, decision


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


def _status(outcome: Outcome) -> FunctionCall.Status:
    granted = outcome is Outcome.ALLOW
    return FunctionCall.Status.GRANTED if granted else FunctionCall.Status.DECLINED


def _audit_outcome(outcome: Outcome) -> AuditOutcome:
    return AuditOutcome.SUCCESS if outcome is Outcome.ALLOW else AuditOutcome.REFUSED
