"""The main job: an agent asks to spend, and is answered in one transaction."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from agents.core.categories import canonical_category
from agents.core.merchants import merchant_key
from agents.core.money import MoneyError, format_amount, parse_amount
from agents.core.policy import PolicyRules
from agents.models import Agent
from agents.principals import AgentPrincipal
from agents.queries import LockedAgent, lock_agent_row, policy_rules
from audit.batch import Insert, write_together
from audit.core.masking import mask
from audit.models import AuditEvent
from audit.services import build_event
from transactions.core.activity import count_request
from transactions.core.decision import Verdict, decide
from transactions.core.digest import digest
from transactions.core.facts import Facts, SpendingRequest, Thresholds
from transactions.core.outcome import Outcome
from transactions.core.states import FIRST_STATUS
from transactions.errors import ClockRefused, IdempotencyConflict, InvalidRequest
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
from transactions.queries import Snapshot, StoredAnswer, snapshot_for
from transactions.representation import instant, transaction_body

CREATED = 201
AUTHORIZATION_LASTS = timedelta(days=7)
APPROVAL_LASTS = timedelta(hours=24)
THRESHOLDS = Thresholds()


@dataclass(frozen=True, slots=True)
class Ask:
    """A well-formed body; what only the policy can judge is judged later."""

    amount: Decimal | int | str
    currency: str | None
    merchant: str
    category: str
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    occurred_at: datetime | None = None

    def digest(self) -> str:
        """Return what makes two bodies under one Idempotency-Key the same."""
        body = dataclasses.asdict(self)
        body["amount"] = str(self.amount)
        body["occurred_at"] = self.occurred_at and instant(self.occurred_at)
        return digest(body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller is told, and whether it was told before."""

    status_code: int
    body: Mapping[str, Any]
    is_replay: bool


@dataclass(frozen=True, slots=True)
class _Decided:
    """One decision with everything that its rows are made of."""

    agent: LockedAgent
    ask: Ask
    request: SpendingRequest
    policy: PolicyRules | None
    snapshot: Snapshot
    facts: Facts
    verdict: Verdict


def request_transaction(
    ask: Ask, *, acting: AgentPrincipal, idempotency_key: str
) -> Answer:
    """Decide on a spending request and write everything it means, or replay it.

    Three statements in one durable transaction: lock the agent's row (which tells
    the decision's only clock), read its past, write all rows together; a fourth if
    the policy changed since authentication. A duplicate that arrives meanwhile waits
    at the lock and gets the first one's answer. Raises IdempotencyConflict,
    InvalidRequest, ClockRefused or SensitiveDataRefused before anything is
    written. A deny is an answer, not an error.
    """
    if acting.policy_version_id is not None:
        policy_rules(acting.policy_version_id)  # Compiled before the lock, if new.
    with transaction.atomic(durable=True):
        agent = lock_agent_row(acting.principal_id)
        now = _decision_clock(ask, agent)
        policy = policy_rules(agent.policy_version_id) if _has_policy(agent) else None
        snapshot = snapshot_for(
            agent,
            merchant_key=merchant_key(ask.merchant),
            currency=_currency(ask, policy),
            day=now.date(),
            now=now,
            idempotency_key=idempotency_key,
        )
        # Before the body is judged: a newer policy may judge it otherwise.
        if snapshot.answer is not None:
            return _replay(snapshot.answer, ask)
        request = _spending_request(ask, policy)
        facts = snapshot.facts(request, agent, now)
        verdict = decide(facts, policy, THRESHOLDS)
        decided = _Decided(agent, ask, request, policy, snapshot, facts, verdict)
        return _write(decided, acting, idempotency_key)


def _has_policy(agent: LockedAgent) -> bool:
    return agent.policy_version_id is not None


def _decision_clock(ask: Ask, agent: LockedAgent) -> datetime:
    if ask.occurred_at is None:
        return agent.now.astimezone(UTC)
    if agent.mode != Agent.Mode.TEST:
        raise ClockRefused(pointer="/occurred_at")
    return ask.occurred_at.astimezone(UTC)


def _currency(ask: Ask, policy: PolicyRules | None) -> str:
    return ask.currency or (policy.currency if policy else "")


def _spending_request(ask: Ask, policy: PolicyRules | None) -> SpendingRequest:
    """Return the request in minor units; the policy's currency where none is given."""
    currency = _currency(ask, policy)
    if not currency:
        raise InvalidRequest(
            "currency_required",
            "The agent has no policy to take the currency from.",
            pointer="/currency",
        )
    try:
        amount_minor = parse_amount(ask.amount, currency)
    except MoneyError as error:
        field_name = "currency" if error.code == "currency_unknown" else "amount"
        raise InvalidRequest(
            error.code, error.detail, pointer=f"/{field_name}"
        ) from None
    return SpendingRequest(
        amount_minor=amount_minor,
        currency=currency,
        merchant=ask.merchant,
        merchant_key=merchant_key(ask.merchant),
        category=canonical_category(ask.category) or "" if ask.category else "",
        description=_masked(ask.description),
    )


def _masked(value: Any) -> Any:
    """Mask card numbers and secrets in what a caller wrote freely; see audit."""
    return mask(value)


def _replay(answer: StoredAnswer, ask: Ask) -> Answer:
    if answer.request_digest != ask.digest():
        raise IdempotencyConflict
    return Answer(answer.status_code, json.loads(answer.response), is_replay=True)


def _write(decided: _Decided, acting: AgentPrincipal, idempotency_key: str) -> Answer:
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
        Insert(_events(decided, row, decision, approval, acting)),
    )
    return Answer(CREATED, body, is_replay=False)


def _transaction(decided: _Decided) -> Transaction:
    request, agent = decided.request, decided.agent
    allowed = decided.verdict.outcome is Outcome.ALLOW
    return Transaction(
        agent_id=agent.id,
        status=FIRST_STATUS[decided.verdict.outcome],
        amount_minor=request.amount_minor,
        currency=request.currency,
        merchant=request.merchant,
        merchant_key=request.merchant_key,
        category=request.category,
        description=request.description,
        metadata=_masked(dict(decided.ask.metadata)),
        occurred_at=decided.facts.now,
        created_at=agent.now,
        expires_at=agent.now + AUTHORIZATION_LASTS if allowed else None,
    )


def _decision(decided: _Decided, row: Transaction) -> Decision:
    verdict, risk = decided.verdict, decided.verdict.risk
    return Decision(
        transaction=row,
        outcome=verdict.outcome.value,
        findings=[finding.as_json() for finding in verdict.findings],
        inputs={
            "facts": as_inputs(decided.facts),
            "thresholds": dataclasses.asdict(THRESHOLDS),
        },
        risk_bp=None if risk is None else risk.score_bp,
        risk_factors_bp={} if risk is None else dataclasses.asdict(risk),
        policy_version_id=decided.policy.id if decided.policy else None,
        decided_at=decided.agent.now,
    )


def as_inputs(facts: Facts) -> dict[str, Any]:
    """Return frozen facts as JSON, instants in RFC 3339."""
    return _jsonable(dataclasses.asdict(facts))  # type: ignore[no-any-return]


def _jsonable(value: Any) -> Any:
    match value:
        case datetime():
            return instant(value)
        case dict():
            return {key: _jsonable(item) for key, item in value.items()}
        case list() | tuple():
            return [_jsonable(item) for item in value]
        case _:
            return value


def _approval(decided: _Decided, row: Transaction) -> ApprovalRequest | None:
    if decided.verdict.outcome is not Outcome.HOLD:
        return None
    return ApprovalRequest(
        transaction=row,
        action_digest=action_digest(row, decided.policy),
        expires_at=row.created_at + APPROVAL_LASTS,
        created_at=row.created_at,
    )


def action_digest(row: Transaction, policy: PolicyRules | None) -> str:
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
            "policy_version": policy.id if policy else None,
        }
    )


def _budget(decided: _Decided) -> Budget:
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


def _reservation(decided: _Decided, row: Transaction) -> Reservation:
    return Reservation(
        transaction=row,
        budget_id=decided.snapshot.budget_id,
        amount_minor=row.amount_minor,
        created_at=row.created_at,
    )


def _activity(decided: _Decided) -> AgentActivity:
    counted = count_request(
        decided.facts.activity,
        amount_minor=decided.request.amount_minor,
        outcome=decided.verdict.outcome,
        now=decided.facts.now,
    )
    values = dataclasses.asdict(counted)
    values["requests_by_hour_of_day"] = list(counted.requests_by_hour_of_day)
    return AgentActivity(agent_id=decided.agent.id, **values)


def _merchant(decided: _Decided) -> MerchantActivity:
    allowed = decided.verdict.outcome is Outcome.ALLOW
    return MerchantActivity(
        agent_id=decided.agent.id,
        merchant_key=decided.request.merchant_key,
        allowed_count=decided.facts.merchant.allowed_count + int(allowed),
        last_amount_minor=decided.request.amount_minor,
        last_request_at=decided.facts.now,
    )


def _events(
    decided: _Decided,
    row: Transaction,
    decision: Decision,
    approval: ApprovalRequest | None,
    acting: AgentPrincipal,
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
            actor=acting,
            occurred_at=row.created_at,
        )
        for action, about, details in facts
    ]
