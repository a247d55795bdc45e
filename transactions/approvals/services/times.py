"""What time does to a waiting approval: it goes to a higher role, and it expires."""

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
    locked,
    resolve_approval,
    sweep,
)

Status = ApprovalRequest.Status
ESCALATOR = System("approval escalation")


def expire_due_approvals(*, now: datetime) -> int:
    """Expire what nobody decided in time; returns how many. At most 500.

    Only tidies: approve() and deny_approval() test the expiry themselves.
    """
    due = ApprovalRequest.objects.filter(status=Status.WAITING, expires_at__lte=now)
    keys = due.order_by("expires_at").values_list("transaction__agent_id", "pk")
    return sweep(list(keys[:SWEEP_MAX]), _expire_if_due)


def escalate_due_approvals(*, now: datetime) -> int:
    """Note what went to the next higher role; returns how many. At most 500.

    Only tells: whoever decides is judged by the time itself (role_now), so that a
    lower role is refused from that instant on, swept or not. Those who may decide now
    are told by notify_approvers().
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
    """End a waiting approval of a locked transaction: time never approves."""
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
    """Lock money and transaction; return the request and its agent after that."""
    key = ApprovalRequest.objects.values_list("transaction_id", flat=True)
    spender, row = locked(key.get(pk=approval_id), agent_id=agent_id)
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
