"""The rows that one decision is written as, all in one statement."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agents.core.money import format_amount
from agents.core.policy import PolicyRules
from agents.principals import AgentPrincipal
from agents.queries import LockedAgent
from audit.batch import Insert, write_together
from audit.core.masking import mask
from audit.models import AuditEvent
from audit.services import build_event
from transactions.core.activity import count_request
from transactions.core.decision import Verdict, is_just_below_approval
from transactions.core.digest import digest
from transactions.core.facts import Facts, SpendingRequest, Thresholds
from transactions.core.fields import by_name
from transactions.core.outcome import Outcome
from transactions.core.states import FIRST_STATUS
from transactions.models import (
    AgentActivity,
    ApprovalRequest,
    Budget,
    Decision,
    IdempotencyRecord,
    MerchantActivity,
    Reservation,
    Transaction,
)
from transactions.queries import Snapshot
from transactions.representation import instant, transaction_body
from transactions.services.asking import Answer, Ask

CREATED = 201
AUTHORIZATION_LASTS = timedelta(days=7)
APPROVAL_LASTS = timedelta(hours=24)
THRESHOLDS = Thresholds()


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision with everything that its rows are made of."""

    agent: LockedAgent
    acting: AgentPrincipal
    ask: Ask
    request: SpendingRequest
    policy: PolicyRules | None
    snapshot: Snapshot
    facts: Facts
    verdict: Verdict


def write_decided(decided: Decided, *, idempotency_key: str) -> Answer:
    """Write the transaction and all that follows from it as one statement."""
    row = _transaction(decided)
    decision = _decision(decided, row)
    approval = _approval(decided, row)
    number = decided.policy.number if decided.policy else None
    body = transaction_body(row, decision, approval, policy_number=number)
    record = IdempotencyRecord(
        agent_id=row.agent_id,
        key=idempotency_key,
        request_digest=decided.ask.digest(),
        status_code=CREATED,
        response=json.dumps(body),
        created_at=row.created_at,
    )
    reserves = decided.verdict.outcome is not Outcome.DENY
    write_together(
        Insert([row]),
        Insert([decision]),
        Insert([approval] if approval else []),
        Insert([_budget(decided)] if reserves else [], unique_fields=("id",)),
        Insert([_reservation(decided, row)] if reserves else []),
        Insert([_activity(decided)], unique_fields=("agent",)),
        Insert([_merchant(decided)], unique_fields=("agent", "merchant_key")),
        Insert([record]),
        Insert(_events(decided, row, decision, approval)),
    )
    return Answer(CREATED, body, is_replay=False)


def _transaction(decided: Decided) -> Transaction:
    request, agent = decided.request, decided.agent
    allowed = decided.verdict.outcome is Outcome.ALLOW
    return Transaction(
        agent_id=agent.id,
        credential_id=decided.acting.credential_id,
        status=FIRST_STATUS[decided.verdict.outcome],
        amount_minor=request.amount_minor,
        currency=request.currency,
        merchant=request.merchant,
        merchant_key=request.merchant_key,
        category=request.category,
        description=request.description,
        metadata=mask(dict(decided.ask.metadata)),
        occurred_at=decided.facts.now,
        created_at=agent.now,
        expires_at=agent.now + AUTHORIZATION_LASTS if allowed else None,
    )


def _decision(decided: Decided, row: Transaction) -> Decision:
    verdict, risk = decided.verdict, decided.verdict.risk
    return Decision(
        transaction=row,
        outcome=verdict.outcome.value,
        findings=[finding.as_json() for finding in verdict.findings],
        inputs={
            "facts": as_inputs(decided.facts),
            "thresholds": by_name(THRESHOLDS),
        },
        risk_bp=None if risk is None else risk.score_bp,
        risk_factors_bp={} if risk is None else by_name(risk),
        policy_version_id=decided.policy.id if decided.policy else None,
        decided_at=decided.agent.now,
    )


def as_inputs(facts: Facts) -> dict[str, Any]:
    """Return frozen facts as JSON, instants in RFC 3339."""
    return _jsonable(facts)  # type: ignore[no-any-return]


def _jsonable(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case datetime():
            return instant(value)
        case (int(), *_):
            return list(value)  # Counters, a hundred and more: all of them numbers.
        case tuple():
            return [_jsonable(item) for item in value]
        case _:
            return {name: _jsonable(item) for name, item in by_name(value).items()}


def _approval(decided: Decided, row: Transaction) -> ApprovalRequest | None:
    if decided.verdict.outcome is not Outcome.HOLD:
        return None
    policy_version_id = decided.policy.id if decided.policy else None
    return ApprovalRequest(
        transaction=row,
        action_digest=action_digest(row, policy_version_id),
        expires_at=row.created_at + APPROVAL_LASTS,
        created_at=row.created_at,
    )


def action_digest(row: Transaction, policy_version_id: str | None) -> str:
    """Return the digest of exactly what a human is asked to approve."""
    return digest(
        {
            "transaction": row.id,
            "agent": row.agent_id,
            "amount_minor": row.amount_minor,
            "currency": row.currency,
            "merchant": row.merchant,
            "category": row.category,
            "description": row.description,
            "policy_version": policy_version_id,
        }
    )


def _budget(decided: Decided) -> Budget:
    budget = decided.snapshot.budget
    return Budget(
        id=decided.snapshot.budget_id,
        agent_id=decided.agent.id,
        currency=decided.request.currency,
        window_start=decided.facts.now.date(),
        limit_minor=decided.policy.daily_budget_minor if decided.policy else None,
        reserved_minor=budget.reserved_minor + decided.request.amount_minor,
        posted_minor=budget.posted_minor,
    )


def _reservation(decided: Decided, row: Transaction) -> Reservation:
    return Reservation(
        transaction=row,
        budget_id=decided.snapshot.budget_id,
        amount_minor=row.amount_minor,
        created_at=row.created_at,
    )


def _activity(decided: Decided) -> AgentActivity:
    counted = count_request(
        decided.facts.activity,
        amount_minor=decided.request.amount_minor,
        outcome=decided.verdict.outcome,
        now=decided.facts.now,
        is_just_below=is_just_below_approval(
            decided.request, decided.policy, THRESHOLDS
        ),
    )
    return AgentActivity(agent_id=decided.agent.id, **by_name(counted))


def _merchant(decided: Decided) -> MerchantActivity:
    allowed = decided.verdict.outcome is Outcome.ALLOW
    return MerchantActivity(
        agent_id=decided.agent.id,
        merchant_key=decided.request.merchant_key,
        allowed_count=decided.facts.merchant.allowed_count + int(allowed),
        last_amount_minor=decided.request.amount_minor,
        last_request_at=decided.facts.now,
    )


def _events(
    decided: Decided,
    row: Transaction,
    decision: Decision,
    approval: ApprovalRequest | None,
) -> list[AuditEvent]:
    """Return the events of a request: asked, decided and, on a hold, put to a human."""
    agent = decided.agent
    target = ("transaction", row.id, "")
    common = {"mode": agent.mode, "agent": agent.id}
    asked = {
        "amount": format_amount(row.amount_minor, row.currency),
        "currency": row.currency,
        "merchant": row.merchant,
        "category": row.category,
    }
    told = {
        "outcome": decision.outcome,
        "reasons": [finding.code for finding in decided.verdict.reasons],
        "risk_bp": decision.risk_bp,
        "policy_version": decided.policy.number if decided.policy else None,
    }
    facts: list[tuple[str, tuple[str, str, str], dict[str, Any]]] = [
        ("transaction.requested", target, asked),
        ("transaction.decided", target, told),
    ]
    if approval is not None:
        waiting = {
            "transaction": row.id,
            "expires_at": instant(approval.expires_at),
            "required_approvals": approval.required_approvals,
        }
        facts.append(("approval.requested", ("approval", approval.id, ""), waiting))
    return [
        build_event(
            action,
            target=about,
            owner_id=agent.owner_id,
            details=common | details,
            actor=decided.acting,
            occurred_at=row.created_at,
        )
        for action, about, details in facts
    ]
