"""Expiry and escalation of waiting approval requests."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from agents.models import Agent
from agents.queries import LockedAgent
from audit.base.context import System
from audit.services.recording import record
from transactions.approvals.models import ApprovalRequest
from transactions.approvers.core.levels import role_now
from transactions.spending.services import lifecycle
from transactions.spending.services.lifecycle import (
    SWEEP_MAX,
    SWEEPER,
    lock_transaction,
    resolve_approval,
    sweep,
)

Status = ApprovalRequest.Status
ESCALATOR = System("approval escalation")


def expire_due_approvals(*, now: datetime) -> int:
    """Expire requests that nobody decided in time; return their number, at most 500.

    This only tidies up: approve() and deny_approval() check the expiry themselves.
    """
    due = ApprovalRequest.objects.filter(status=Status.WAITING, expires_at__lte=now)
    keys = due.order_by("expires_at").values_list("transaction__agent_id", "pk")
    return sweep(list(keys[:SWEEP_MAX]), _expire_if_due)


def escalate_due_approvals(*, now: datetime) -> int:
    """Record escalations to the next higher role; return their number, at most 500.

    This only records: role_now() refuses a lower role from that instant on, recorded or
    not. notify_approvers() notifies the people who may decide now.
    """
    due = ApprovalRequest.objects.filter(
        status=Status.WAITING,
        escalates_at__lte=now,
        escalated_at=None,
        expires_at__gt=now,
    )
    keys = due.order_by("escalates_at").values_list("transaction__agent_id", "pk")
    return sweep(list(keys[:SWEEP_MAX]), _escalate_if_due)


def expire(approval: ApprovalRequest, *, agent: LockedAgent) -> None:
    """Expire the waiting approval request of a locked transaction, and the latter."""
    row = approval.transaction
    resolve_approval(row, status=Status.EXPIRED, now=agent.now)
    lifecycle.expire(row, agent=agent)
    record(
        "approval.expired",
        target=("approval", approval.id, ""),
        owner_id=row.agent.owner_id,
        details={"transaction": row.id, "mode": row.agent.mode},
        actor=SWEEPER,
    )


def _locked(agent_id: str, approval_id: str) -> tuple[ApprovalRequest, LockedAgent]:
    """Lock money and transaction; return the approval request and the agent."""
    key = ApprovalRequest.objects.values_list("transaction_id", flat=True)
    spender, row = lock_transaction(key.get(pk=approval_id), agent_id=agent_id)
    approval = ApprovalRequest.objects.get(pk=approval_id)
    approval.transaction = row
    return approval, spender.agent


def _expire_if_due(agent_id: str, approval_id: str) -> bool:
    with transaction.atomic(durable=True):
        approval, agent = _locked(agent_id, approval_id)
        if approval.status != Status.WAITING or approval.expires_at > agent.now:
            return False
        expire(approval, agent=agent)
    return True


def _escalate_if_due(agent_id: str, approval_id: str) -> bool:
    with transaction.atomic(durable=True):
        approval, agent = _locked(agent_id, approval_id)
        row, now = approval.transaction, agent.now
        still = ApprovalRequest.objects.filter(
            pk=approval_id,
            status=Status.WAITING,
            escalated_at=None,
            escalates_at__lte=now,
            expires_at__gt=now,
        )
        notice_due_at = now if row.agent.mode == Agent.Mode.LIVE else None
        if still.update(escalated_at=now, notice_due_at=notice_due_at) != 1:
            return False
        record(
            "approval.escalated",
            target=("approval", approval.id, ""),
            owner_id=row.agent.owner_id,
            details={
                "role": role_now(approval.required_role, approval.escalates_at, now),
                "transaction": row.id,
                "mode": row.agent.mode,
            },
            actor=ESCALATOR,
        )
    return True
