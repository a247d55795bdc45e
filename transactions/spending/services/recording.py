"""The rows that one decision is written as, all in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.core.money import format_amount
from agents.models import Agent
from agents.policy.core.approval_levels import level_of, next_role
from audit.base.batch import Insert
from audit.base.core.codec import as_json, by_name
from audit.base.core.lookalikes import LOOKS
from audit.base.core.masking import mask
from audit.base.core.readers import rfc3339
from audit.models import AuditEvent
from transactions.approvals.models import ApprovalRequest
from transactions.budgets.models import Budget, Reservation
from transactions.budgets.services.ledger import entry
from transactions.decisions.core.activity import RecentRequest, count_request
from transactions.decisions.core.digest import digest
from transactions.decisions.core.facts import Facts, SpendingRequest, Thresholds
from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.states import FIRST_STATUS
from transactions.decisions.core.verdict import Verdict
from transactions.decisions.models import Decision
from transactions.decisions.services.answers import Answer
from transactions.decisions.services.recording import Question
from transactions.risk.models import AgentActivity, MerchantActivity
from transactions.spending.core.decision import is_just_below_approval
from transactions.spending.models import Transaction
from transactions.spending.queries.snapshot import Snapshot
from transactions.spending.representation import transaction_body
from transactions.spending.services.asking import Ask

AUTHORIZATION_LASTS = timedelta(days=7)
THRESHOLDS = Thresholds()


@dataclass(frozen=True, slots=True)
class DecidedRequest:
    """A decision with all data for its rows."""

    question: Question
    ask: Ask
    request: SpendingRequest
    snapshot: Snapshot
    facts: Facts
    verdict: Verdict


def write_decided(decided: DecidedRequest) -> Answer:
    """Write the transaction and all dependent rows in one statement."""
    question, row = decided.question, _transaction(decided)
    decision = question.decision(
        decided.verdict,
        inputs={"facts": decided.facts, "thresholds": THRESHOLDS},
        transaction=row,
    )
    approval = _approval(decided, row)
    reserves, now = decided.verdict.outcome is not Outcome.DENY, row.created_at
    activity, is_just_below = _activity(decided)
    minute = activity.minute if is_just_below else None
    reservation = _reservation(decided, row, minute) if reserves else None
    return question.answer(
        transaction_body(
            row,
            decision,
            approval,
            reservation,
            policy_number=question.policy_number,
        ),
        [
            Insert([row]),
            Insert([decision]),
            Insert([approval] if approval else []),
            Insert(_budgets(decided, reserves=reserves), unique_fields=("id",)),
            Insert([reservation] if reservation else []),
            Insert([entry(row, "reserve", row.amount_minor, now)] if reserves else []),
            Insert([activity], unique_fields=("agent",)),
            Insert([_merchant(decided)], unique_fields=("agent", "merchant_key")),
        ],
        _events(decided, row, decision, approval),
    )


def _transaction(decided: DecidedRequest) -> Transaction:
    request, agent = decided.request, decided.question.agent
    allowed = decided.verdict.outcome is Outcome.ALLOW
    return Transaction(
        agent_id=agent.id,
        credential_id=decided.question.acting.credential_id,
        status=FIRST_STATUS[decided.verdict.outcome],
        amount_minor=request.amount_minor,
        currency=request.currency,
        merchant=request.merchant,
        merchant_key=request.merchant_key,
        category=request.category,
        description=request.description,
        merchant_country=request.merchant_country,
        mcc=request.mcc,
        unknown_category=request.unknown_category,
        metadata=mask(dict(decided.ask.metadata)),
        occurred_at=decided.facts.now,
        created_at=agent.now,
        expires_at=agent.now + AUTHORIZATION_LASTS if allowed else None,
    )


def _approval(decided: DecidedRequest, row: Transaction) -> ApprovalRequest | None:
    if decided.verdict.outcome is not Outcome.HOLD:
        return None
    policy = decided.question.policy
    assert policy is not None  # noqa: S101 - nothing is held without a policy.
    level = level_of(row.amount_minor, policy.approval_levels)
    after = policy.approval_escalates_after_minutes
    may_escalate = after is not None and next_role(level.role) is not None
    is_live = decided.question.agent.mode == Agent.Mode.LIVE
    return ApprovalRequest(
        transaction=row,
        action_digest=action_digest(row, policy.id),
        required_approvals=level.approvals,
        required_role=level.role,
        expires_at=row.created_at
        + timedelta(minutes=policy.approval_expires_after_minutes),
        escalates_at=row.created_at + timedelta(minutes=after or 0)
        if may_escalate
        else None,
        # No notices for test agents.
        notice_due_at=row.created_at if is_live else None,
        created_at=row.created_at,
    )


def action_digest(row: Transaction, policy_version_id: str | None) -> str:
    """Return the digest of the action that a human is asked to approve."""
    seen = {
        "transaction": row.id,
        "agent": row.agent_id,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "merchant": row.merchant,
        "category": row.category,
        "description": row.description,
        "policy_version": policy_version_id,
    }
    # Without empty values, so that holds older than these fields keep their digest.
    return digest(seen | _known_facts(row))


def _known_facts(row: Transaction) -> dict[str, str]:
    """Return the optional facts that the agent gave."""
    names = ("merchant_country", "mcc", "unknown_category")
    facts = {name: getattr(row, name) for name in names}
    return {name: value for name, value in facts.items() if value}


def _budgets(decided: DecidedRequest, *, reserves: bool) -> list[Budget]:
    """Return the budgets that change by the reservation or by counting again."""
    policy_id = decided.question.policy_version_id or ""
    changed = []
    for counted in decided.snapshot.counted:
        current = counted.current(decided.request.currency)
        others = [budget for budget in counted.budgets if budget is not current]
        if reserves:
            current.reserved_minor += decided.request.amount_minor
            current.count += 1
            current.limit_minor = counted.pot.limit_minor
            current.limit_count = counted.pot.limit_count
        counts = [current, *others] if counted.is_recounted else [current]
        if not counted.pot.is_shared:
            for budget in counts:
                budget.counted_under = policy_id
        if reserves or counted.is_recounted:
            changed += counts
    return changed


def _reservation(
    decided: DecidedRequest, row: Transaction, just_below_minute: datetime | None
) -> Reservation:
    return Reservation(
        transaction=row,
        shared_budgets=[budget.id for budget in decided.snapshot.shared],
        amount_minor=row.amount_minor,
        created_at=row.created_at,
        just_below_minute=just_below_minute,
    )


def _activity(decided: DecidedRequest) -> tuple[AgentActivity, bool]:
    """Return the agent's new counters, and whether they count this as just below."""
    is_just_below = decided.verdict.outcome is Outcome.ALLOW and is_just_below_approval(
        decided.request, decided.question.policy, THRESHOLDS
    )
    counted = count_request(
        decided.facts.activity,
        amount_minor=decided.request.amount_minor,
        outcome=decided.verdict.outcome,
        now=decided.facts.now,
        is_just_below=is_just_below,
        recent=RecentRequest(
            amount_minor=decided.request.amount_minor,
            currency=decided.request.currency,
            merchant_key=decided.request.merchant_key,
            at=decided.facts.now,
            merchant=decided.request.merchant,
        ),
    )
    values = by_name(counted) | {"recent": as_json(counted.recent)}
    return AgentActivity(agent_id=decided.question.agent.id, **values), is_just_below


def _merchant(decided: DecidedRequest) -> MerchantActivity:
    allowed = decided.verdict.outcome is Outcome.ALLOW
    return MerchantActivity(
        agent_id=decided.question.agent.id,
        merchant_key=decided.request.merchant_key,
        merchant=decided.request.merchant,
        skeleton=LOOKS.skeleton(decided.request.merchant),
        allowed_count=decided.facts.merchant.allowed_count + int(allowed),
        last_amount_minor=decided.request.amount_minor,
        last_request_at=decided.facts.now,
    )


def _events(
    decided: DecidedRequest,
    row: Transaction,
    decision: Decision,
    approval: ApprovalRequest | None,
) -> list[AuditEvent]:
    """Return the audit events: requested, decided and, for a hold, the approval's."""
    question, target = decided.question, ("transaction", row.id, "")
    requested = {
        "amount": format_amount(row.amount_minor, row.currency),
        "currency": row.currency,
        "merchant": row.merchant,
        "category": row.category,
        **_known_facts(row),
    }
    outcome = {
        "outcome": decision.outcome,
        "reasons": [finding.code for finding in decided.verdict.reasons],
        "risk_bp": decision.risk_bp,
        "policy_version": question.policy_number,
        "digest": decision.digest,
    }
    events = [
        question.event("transaction.requested", target, requested),
        question.event("transaction.decided", target, outcome),
    ]
    if approval is not None:
        waiting = {
            "transaction": row.id,
            "expires_at": rfc3339(approval.expires_at),
            "required_approvals": approval.required_approvals,
            "required_role": approval.required_role,
        }
        put = ("approval", approval.id, "")
        events.append(question.event("approval.requested", put, waiting))
    return events
