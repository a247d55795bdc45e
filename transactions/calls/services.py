"""Decide on function calls by the registry and the agent's policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from agents.principals import AgentPrincipal
from agents.queries import (
    CallableFunction,
    lock_agent_row,
    policy_in_force,
)
from audit.base.batch import Insert
from audit.models import AuditEvent
from audit.services.recording import Outcome as AuditOutcome
from security.schemas.core.json_schema import check
from transactions.calls.core.decision import CallFacts, decide_call
from transactions.calls.models import FunctionCall
from transactions.calls.queries import CallSnapshot, call_snapshot
from transactions.calls.representation import call_body
from transactions.decisions.core.digest import digest
from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.verdict import Verdict
from transactions.decisions.models import Decision
from transactions.decisions.services.answers import Answer
from transactions.decisions.services.recording import Question


def request_function_call(
    function: str,
    parameters: Mapping[str, Any],
    *,
    acting: AgentPrincipal,
    idempotency_key: str,
) -> Answer:
    """Decide on a call: is it registered, enabled, allowed and well-formed?

    One durable transaction on the agent's locked row: a concurrent duplicate waits for
    the lock and gets the answer of the first. The parameters are not stored, only their
    digest. A denial is an answer, not an error. Raises IdempotencyConflict.
    """
    # No transaction has such a body; both kinds share the agent's idempotency keys.
    request_digest = digest({"call": function, "parameters": parameters})
    with transaction.atomic(durable=True):
        agent = lock_agent_row(acting.principal_id)
        policy = policy_in_force(agent)
        question = Question(agent, acting, policy, idempotency_key, request_digest)
        snapshot = call_snapshot(
            function,
            agent=agent,
            credential_id=acting.credential_id,
            idempotency_key=idempotency_key,
        )
        if snapshot.answer is not None:
            return question.replayed(snapshot.answer)
        registered = snapshot.registered
        facts = _facts(function, parameters, snapshot)
        outcome, findings = decide_call(facts, policy)
        granted, status = outcome is Outcome.ALLOW, FunctionCall.Status
        call = FunctionCall(
            agent_id=agent.id,
            function=function,
            function_version_id=registered.version_id if registered else None,
            parameters_digest=digest(parameters),
            status=status.GRANTED if granted else status.DECLINED,
            created_at=agent.now,
        )
        verdict = Verdict(outcome, findings, None)
        decision = question.decision(
            verdict, inputs={"facts": facts}, function_call=call
        )
        body = call_body(
            call,
            decision,
            function_number=registered.version_number if registered else None,
            policy_number=question.policy_number,
        )
        event = _event(question, call, decision)
        return question.answer(body, [Insert([call]), Insert([decision])], [event])


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
    """Return the violations of the schema; None if the check fails."""
    if registered is None:
        return ()
    try:
        found = check(registered.schema, parameters)
    except Exception:  # noqa: BLE001 - a schema check that fails must deny.
        return None
    return tuple(f"{violation.pointer}: {violation.message}" for violation in found)


def _event(question: Question, call: FunctionCall, decision: Decision) -> AuditEvent:
    granted = call.status == FunctionCall.Status.GRANTED
    return question.event(
        "function_call.decided",
        ("function_call", call.id, call.function),
        {
            "function": call.function,
            "outcome": decision.outcome,
            "reasons": [finding["code"] for finding in decision.findings],
            "digest": decision.digest,
        },
        outcome=AuditOutcome.SUCCESS if granted else AuditOutcome.REFUSED,
    )
