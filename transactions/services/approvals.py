"""A human's word on a held transaction: bound to what was seen, judged afresh."""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import F

from accounts.models import User
from agents.queries import LockedAgent, lock_agent_row, policy_in_force
from audit.services import Outcome as AuditOutcome
from audit.services import record
from security.queries import live_locks
from security.step_up import require_step_up
from transactions.core.approvals import needs_step_up
from transactions.core.decision import recheck
from transactions.core.facts import BudgetState, Facts, SpendingRequest
from transactions.core.reasons import Finding
from transactions.errors import (
    ApprovalChanged,
    ApprovalExpired,
    ApprovalResolved,
    NotAllowedToApprove,
    StillRefused,
)
from transactions.models import (
    AgentActivity,
    ApprovalRequest,
    MerchantActivity,
    Transaction,
)
from transactions.queries import approval_for, etag_of, snapshot_for
from transactions.services.lifecycle import (
    SWEEP_MAX,
    SWEEPER,
    locked_transaction,
    move,
    release,
    resolve_approval,
    set_status,
)
from transactions.services.records import (
    AUTHORIZATION_LASTS,
    THRESHOLDS,
    action_digest,
)

PERMISSION = "transactions.approve_transaction"
Status = ApprovalRequest.Status


def view_approval(approval_id: str, *, acting: User) -> ApprovalRequest:
    """Return an approval request and write down who looked at it."""
    with transaction.atomic(durable=True):
        approval = approval_for(acting, approval_id)
        record(
            "approval.viewed",
            target=("approval", approval.id, ""),
            owner_id=approval.transaction.agent.owner_id,
            details={"transaction": approval.transaction_id},
            actor=acting,
        )
    return approval


def approve(
    approval_id: str, *, acting: User, reason: str, expected_digest: str
) -> ApprovalRequest:
    """Lift a hold: the transaction is authorized, its money stays reserved.

    `expected_digest` is etag_of() what the person saw. Raises NotAllowedToApprove,
    ApprovalChanged, ApprovalResolved, StepUpRequired (large amounts); ApprovalExpired
    and StillRefused after the refusal itself is on record.
    """
    with transaction.atomic(durable=True):
        agent, approval = _locked_approval(approval_id, acting, expected_digest)
        asked = approval.transaction
        if needs_step_up(asked.amount_minor, asked.currency):
            require_step_up(acting)
        expired = approval.expires_at <= agent.now
        findings = () if expired else _recheck(agent, approval)
        if expired:
            _expire(approval, now=agent.now)
        elif findings:
            _record_refusal(approval, acting, findings)
        else:
            _authorize(agent, approval, acting, reason)
    if expired:
        raise ApprovalExpired
    if findings:
        raise StillRefused(findings)
    return approval_for(acting, approval_id)


def deny_approval(
    approval_id: str, *, acting: User, reason: str, expected_digest: str
) -> ApprovalRequest:
    """Refuse a held transaction for good and give its money back to the budget.

    The reason is obligatory. Raises as approve() does, but for StillRefused.
    """
    with transaction.atomic(durable=True):
        agent, approval = _locked_approval(approval_id, acting, expected_digest)
        expired = approval.expires_at <= agent.now
        if expired:
            _expire(approval, now=agent.now)
        else:
            _resolve(agent, approval, Status.DENIED, acting, reason)
            set_status(approval.transaction, Transaction.Status.DECLINED)
            release(approval.transaction, now=agent.now)
            _record_resolution("approval.denied", approval, acting, reason)
    if expired:
        raise ApprovalExpired
    return approval_for(acting, approval_id)


def expire_due_approvals(*, now: datetime) -> int:
    """Expire what nobody decided in time; returns how many. At most 500.

    Only tidies: approve() and deny_approval() test the expiry themselves.
    """
    due = ApprovalRequest.objects.filter(status=Status.WAITING, expires_at__lte=now)
    keys = due.order_by("expires_at").values_list(
        "transaction__agent_id", "transaction_id"
    )
    return sum(_sweep(agent_id, key) for agent_id, key in list(keys[:SWEEP_MAX]))


def _sweep(agent_id: str, transaction_id: str) -> bool:
    with transaction.atomic(durable=True):
        agent = lock_agent_row(agent_id)
        row = locked_transaction(transaction_id, agent_id=agent_id)
        approval = ApprovalRequest.objects.get(transaction=row)
        approval.transaction = row
        if approval.status != Status.WAITING or approval.expires_at > agent.now:
            return False
        _expire(approval, now=agent.now)
    return True


def _locked_approval(
    approval_id: str, acting: User, expected_digest: str
) -> tuple[LockedAgent, ApprovalRequest]:
    """Lock agent, then transaction, and return what the person may decide on."""
    seen = approval_for(acting, approval_id)
    agent = lock_agent_row(seen.transaction.agent_id)
    row = locked_transaction(seen.transaction_id, agent_id=agent.id)
    person = _person(acting, agent, row)
    approval = approval_for(person, approval_id)
    policy_version_id = approval.transaction.decision.policy_version_id
    approval.transaction = row
    if approval.status != Status.WAITING:
        raise ApprovalResolved
    # The row itself must still say what was held, not only the digest kept of it.
    if approval.action_digest != action_digest(row, policy_version_id):
        raise ApprovalChanged
    if not hmac.compare_digest(etag_of(approval).encode(), expected_digest.encode()):
        raise ApprovalChanged
    return agent, approval


def _person(acting: User, agent: LockedAgent, row: Transaction) -> User:
    """Check the separation of duties, on the person as stored, not as remembered.

    Locks the person's row, so that a role, an account or a stop button that is being
    changed counts. Who issued the credential that asked could have asked with it.
    """
    person = User.objects.select_for_update(no_key=True).get(pk=acting.pk)
    if not person.has_perm(PERMISSION) or live_locks("user", person.pk).exists():
        raise NotAllowedToApprove("You may not approve transactions.")
    involved = {agent.owner_id, agent.created_by_id, row.credential.created_by_id}
    if person.pk in involved:
        raise NotAllowedToApprove
    return person


def _recheck(agent: LockedAgent, approval: ApprovalRequest) -> tuple[Finding, ...]:
    row = approval.transaction
    return recheck(_facts(agent, row), policy_in_force(agent), THRESHOLDS)


def _facts(agent: LockedAgent, row: Transaction) -> Facts:
    """Return the facts now, without the row's own reservation in the budget."""
    snapshot = snapshot_for(
        agent,
        credential_id=None,
        merchant_key=row.merchant_key,
        currency=row.currency,
        day=row.occurred_at.date(),
        now=row.occurred_at,
    )
    request = SpendingRequest(
        amount_minor=row.amount_minor,
        currency=row.currency,
        merchant=row.merchant,
        merchant_key=row.merchant_key,
        category=row.category,
        description=row.description,
        merchant_country=row.merchant_country,
        mcc=row.mcc,
    )
    others = BudgetState(
        reserved_minor=snapshot.budget.reserved_minor - row.amount_minor,
        posted_minor=snapshot.budget.posted_minor,
    )
    return replace(snapshot.facts(request, agent, row.occurred_at), budget=others)


def _authorize(
    agent: LockedAgent, approval: ApprovalRequest, acting: User, reason: str
) -> None:
    row = approval.transaction
    _resolve(agent, approval, Status.APPROVED, acting, reason)
    set_status(row, Transaction.Status.AUTHORIZED)
    row.expires_at = agent.now + AUTHORIZATION_LASTS
    row.save(update_fields=["expires_at"])
    AgentActivity.objects.filter(agent_id=agent.id).update(
        allowed_count=F("allowed_count") + 1,
        allowed_sum_minor=F("allowed_sum_minor") + row.amount_minor,
        allowed_sum_of_squares=F("allowed_sum_of_squares") + row.amount_minor**2,
    )
    MerchantActivity.objects.filter(
        agent_id=agent.id, merchant_key=row.merchant_key
    ).update(allowed_count=F("allowed_count") + 1)
    _record_resolution("approval.approved", approval, acting, reason)


def _resolve(
    agent: LockedAgent,
    approval: ApprovalRequest,
    status: ApprovalRequest.Status,
    acting: User,
    reason: str,
) -> None:
    resolve_approval(
        approval.transaction,
        status=status,
        now=agent.now,
        resolved_by_id=acting.pk,
        reason=reason,
    )


def _expire(approval: ApprovalRequest, *, now: datetime) -> None:
    row = approval.transaction
    resolve_approval(row, status=Status.EXPIRED, now=now)
    move(
        row,
        Transaction.Status.EXPIRED,
        action="transaction.expired",
        now=now,
        actor=SWEEPER,
    )
    record(
        "approval.expired",
        target=("approval", approval.id, ""),
        owner_id=row.agent.owner_id,
        details={"transaction": row.id, "mode": row.agent.mode},
        actor=SWEEPER,
    )


def _record_resolution(
    action: str, approval: ApprovalRequest, acting: User, reason: str
) -> None:
    row = approval.transaction
    record(
        action,
        target=("approval", approval.id, ""),
        owner_id=row.agent.owner_id,
        details={"reason": reason, "transaction": row.id, "mode": row.agent.mode},
        actor=acting,
    )


def _record_refusal(
    approval: ApprovalRequest, acting: User, findings: tuple[Finding, ...]
) -> None:
    row = approval.transaction
    record(
        "approval.refused",
        target=("approval", approval.id, ""),
        owner_id=row.agent.owner_id,
        outcome=AuditOutcome.REFUSED,
        details={
            "reasons": [finding.code for finding in findings],
            "transaction": row.id,
            "mode": row.agent.mode,
        },
        actor=acting,
    )
