"""Approve or deny held transactions: bound to what was shown, and checked again."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from accounts.models import User
from agents.queries import LockedAgent, policy_in_force
from audit.base.readable import REASON_MAX, check_text
from audit.services.recording import Outcome as AuditOutcome
from audit.services.recording import masked_text, record
from security.changes.four_eyes import four_eyes_note
from security.step_up import require_step_up
from transactions.approvals.models import ApprovalRequest, ApprovalVote
from transactions.approvals.queries.approvals import approval_for, etag_of, page_digest
from transactions.approvals.services.times import expire
from transactions.approvers.core.levels import needs_step_up
from transactions.approvers.queries import (
    ApprovalContext,
    Capacity,
    approval_context,
    best_capacity,
    counting_votes,
    has_voted,
    people_counted,
)
from transactions.approvers.services.locking import lock_people
from transactions.budgets.queries.budgets import levels_of
from transactions.budgets.queries.locking import LockedSpender
from transactions.budgets.services.ledger import release, reservation_of
from transactions.decisions.core.reasons import Finding
from transactions.errors import (
    AlreadyApproved,
    ApprovalChanged,
    ApprovalExpired,
    ApprovalResolved,
    StillRefused,
)
from transactions.risk.models import AgentActivity, MerchantActivity
from transactions.spending.core.decision import recheck
from transactions.spending.models import Transaction
from transactions.spending.queries.requests import request_of
from transactions.spending.queries.snapshot import snapshot_for
from transactions.spending.services.lifecycle import (
    lock_transaction,
    resolve_approval,
    set_status,
)
from transactions.spending.services.recording import (
    AUTHORIZATION_LASTS,
    THRESHOLDS,
    action_digest,
)

Status = ApprovalRequest.Status


def view_approval(approval_id: str, *, acting: User) -> ApprovalRequest:
    """Return an approval request, and record in the audit log who viewed it."""
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
    """Record an approval; the final required one authorizes the transaction.

    The money stays reserved. `expected_digest` is the etag_of() or page_digest() that
    the person saw. Everything is checked again, earlier approvals included: they count
    only while their voters may still approve.

    Raises NotAllowedToApprove, LevelAboveRole, AboveOwnLimit, ApprovalChanged,
    ApprovalResolved, AlreadyApproved, StepUpRequired (large amounts) or TextRefused;
    ApprovalExpired and StillRefused after the refusal was recorded and committed.
    """
    check_text(reason, pointer="/reason")
    with transaction.atomic(durable=True):
        case = _open(approval_id, acting, expected_digest)
        row = case.approval.transaction
        if needs_step_up(row.amount_minor, row.currency):
            require_step_up(acting)
        expired = case.approval.expires_at <= case.agent.now
        if not expired and _has_approved(case):
            raise AlreadyApproved
        findings = () if expired else _recheck(case)
        if expired:
            expire(case.approval, agent=case.agent)
        elif findings:
            _record_refusal(case.approval, acting, findings)
        else:
            _add_vote(case, acting, reason)
    if expired:
        raise ApprovalExpired
    if findings:
        raise StillRefused(findings)
    return approval_for(acting, approval_id)


def deny_approval(
    approval_id: str, *, acting: User, reason: str, expected_digest: str
) -> ApprovalRequest:
    """Deny a held transaction for good, and give its money back to the budgets.

    One denial suffices, whatever others voted. The reason is required. Raises the
    errors of approve(), except StillRefused, AlreadyApproved and AboveOwnLimit.
    """
    check_text(reason, pointer="/reason")
    with transaction.atomic(durable=True):
        case = _open(approval_id, acting, expected_digest, is_denial=True)
        row = case.approval.transaction
        expired = case.approval.expires_at <= case.agent.now
        if expired:
            expire(case.approval, agent=case.agent)
        else:
            _resolve(case, Status.DENIED, acting, reason)
            set_status(row, Transaction.Status.DECLINED)
            release(reservation_of(row), agent=case.agent)
            _record_verdict("approval.denied", case, acting, reason)
    if expired:
        raise ApprovalExpired
    return approval_for(acting, approval_id)


@dataclass(frozen=True, slots=True)
class _Case:
    """A locked waiting approval request, and the capacity in which a person decides."""

    spender: LockedSpender
    approval: ApprovalRequest
    context: ApprovalContext
    capacity: Capacity
    votes: list[ApprovalVote]

    @property
    def agent(self) -> LockedAgent:
        return self.spender.agent


def _has_approved(case: _Case) -> bool:
    """Return whether the person or their delegator has approved already (K11)."""
    under_this_policy = [
        vote
        for vote in case.votes
        if vote.policy_version_id == case.agent.policy_version_id
    ]
    return has_voted(
        case.capacity, counting_votes(under_this_policy, case.context)
    ) or any(vote.person_id == case.capacity.person.pk for vote in under_this_policy)


def _open(
    approval_id: str, acting: User, expected_digest: str, *, is_denial: bool = False
) -> _Case:
    """Lock money, transaction and people; check that the person may decide."""
    seen = approval_for(acting, approval_id)
    spender, row = lock_transaction(
        seen.transaction_id, agent_id=seen.transaction.agent_id
    )
    now = spender.agent.now
    approval = ApprovalRequest.objects.get(pk=approval_id)
    approval.transaction = row
    capacities, votes = lock_people(approval, acting, now=now)
    context = approval_context(approval, now=now)
    capacity = best_capacity(capacities, context, is_denial=is_denial)
    if approval.status != Status.WAITING:
        raise ApprovalResolved
    # Compare the row itself: the stored digest alone does not detect an altered row.
    held_under = seen.transaction.decision.policy_version_id
    if approval.action_digest != action_digest(row, held_under):
        raise ApprovalChanged
    if not _matches_shown(approval, expected_digest):
        raise ApprovalChanged
    return _Case(spender, approval, context, capacity, votes)


def _matches_shown(approval: ApprovalRequest, expected_digest: str) -> bool:
    """Return whether all is as it was shown: by the API, or on the page with limits."""
    expected = expected_digest.encode()
    if hmac.compare_digest(etag_of(approval).encode(), expected):
        return True
    shown = page_digest(approval, levels_of(approval.transaction))
    return hmac.compare_digest(shown.encode(), expected)


def _recheck(case: _Case) -> tuple[Finding, ...]:
    """Check again with the present facts; the row's own reservation does not count."""
    row, policy = case.approval.transaction, policy_in_force(case.agent)
    snapshot = snapshot_for(
        case.spender,
        policy=policy,
        credential_id=None,
        merchant_key=row.merchant_key,
        category=row.category,
        currency=row.currency,
        now=row.occurred_at,
        own=reservation_of(row),
    )
    facts = snapshot.facts(request_of(row), row.occurred_at)
    return recheck(facts, policy, THRESHOLDS)


def _add_vote(case: _Case, acting: User, reason: str) -> None:
    """Store a person's approval; the final required one authorizes."""
    approval, version_id = case.approval, case.agent.policy_version_id
    assert version_id is not None  # noqa: S101 - otherwise _recheck() refused.
    vote = ApprovalVote(
        approval=approval,
        person=case.capacity.person,
        delegation=case.capacity.delegation,
        action_digest=approval.action_digest,
        policy_version_id=version_id,
        required_role=case.context.least_role,
        reason=masked_text(reason, REASON_MAX),
        created_at=case.agent.now,
    )
    vote.save(force_insert=True)
    given = people_counted([*counting_votes(case.votes, case.context), vote])
    if given >= approval.required_approvals:
        _authorize(case, acting, reason)
        return
    counts = {"approvals": given, "required_approvals": approval.required_approvals}
    _record_verdict("approval.voted", case, acting, reason, counts)


def _authorize(case: _Case, acting: User, reason: str) -> None:
    agent, row = case.agent, case.approval.transaction
    _resolve(case, Status.APPROVED, acting, reason)
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
    _record_verdict("approval.approved", case, acting, reason)


def _resolve(
    case: _Case, status: ApprovalRequest.Status, acting: User, reason: str
) -> None:
    resolve_approval(
        case.approval.transaction,
        status=status,
        now=case.agent.now,
        resolved_by_id=acting.pk,
        reason=reason,
    )


def _record_verdict(
    action: str,
    case: _Case,
    acting: User,
    reason: str,
    extra: Mapping[str, object] | None = None,
) -> None:
    row, holder = case.approval.transaction, case.capacity.on_behalf_of
    in_place = {"on_behalf_of": holder.pk} if holder else {}
    common = {"reason": reason, "transaction": row.id, "mode": row.agent.mode}
    record(
        action,
        target=("approval", case.approval.id, ""),
        owner_id=row.agent.owner_id,
        details={**common, **in_place, **(extra or {}), **four_eyes_note()},
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
