"""What becomes of a transaction after its decision: given back, canceled, expired."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F

from agents.principals import AgentPrincipal
from agents.queries import lock_agent_row
from audit.context import Principal, System
from audit.core.masking import mask
from audit.errors import NotFound
from audit.services import record
from transactions.core.states import may_follow
from transactions.errors import InvalidState
from transactions.models import (
    AgentActivity,
    ApprovalRequest,
    Budget,
    Reservation,
    Transaction,
)

Status = Transaction.Status
SWEEPER = System("expiry")
SWEEP_MAX = 500
REASON_MAX = 500


def cancel(transaction_id: str, *, acting: AgentPrincipal) -> Transaction:
    """Take back a request that still waits for a human; its agent may.

    Raises NotFound, or InvalidState once somebody has decided.
    """
    with transaction.atomic(durable=True):
        agent = lock_agent_row(acting.principal_id)
        row = locked_transaction(transaction_id, agent_id=agent.id)
        if row.status != Status.PENDING_APPROVAL:
            raise InvalidState
        resolve_approval(row, status=ApprovalRequest.Status.CANCELED, now=agent.now)
        move(
            row,
            Status.CANCELED,
            action="transaction.canceled",
            now=agent.now,
            actor=acting,
        )
    return row


def expire_due_authorizations(*, now: datetime) -> int:
    """Give back money that nobody took in time; returns how many. At most 500."""
    due = Transaction.objects.filter(status=Status.AUTHORIZED, expires_at__lte=now)
    pairs = list(due.order_by("expires_at").values_list("agent_id", "pk")[:SWEEP_MAX])
    return sum(_expire(agent_id, pk) for agent_id, pk in pairs)


def _expire(agent_id: str, transaction_id: str) -> bool:
    with transaction.atomic(durable=True):
        agent = lock_agent_row(agent_id)
        row = locked_transaction(transaction_id, agent_id=agent.id)
        due = row.expires_at is not None and row.expires_at <= agent.now
        if row.status != Status.AUTHORIZED or not due:
            return False
        move(
            row,
            Status.EXPIRED,
            action="transaction.expired",
            now=agent.now,
            actor=SWEEPER,
        )
    return True


def locked_transaction(transaction_id: str, *, agent_id: str) -> Transaction:
    """Lock an agent's transaction; call it with the agent's row locked (its parent)."""
    row = (
        Transaction.objects.select_for_update(of=("self",))
        .select_related("agent", "credential")
        .defer("credential__signing_secret", "credential__secret_hash")
        .filter(pk=transaction_id, agent_id=agent_id)
        .first()
    )
    if row is None:
        raise NotFound
    return row


def move(
    row: Transaction,
    status: Transaction.Status,
    *,
    action: str,
    now: datetime,
    actor: Principal,
) -> None:
    """Bring a locked transaction into a final status and give its money back."""
    before = str(row.status)
    set_status(row, status)
    release(row, now=now)
    record(
        action,
        target=("transaction", row.id, ""),
        owner_id=row.agent.owner_id,
        details={"from": before, "mode": row.agent.mode},
        actor=actor,
    )


def set_status(row: Transaction, status: Transaction.Status) -> None:
    """Change a locked transaction's status along the state table only."""
    if not may_follow(row.status, status):
        raise AssertionError(f"{row.status} does not lead to {status}.")
    row.status = status
    row.save(update_fields=["status"])


def release(row: Transaction, *, now: datetime) -> None:
    """Give money back to its budget, as much as was set aside, at most once."""
    active = Reservation.objects.filter(
        transaction=row, status=Reservation.Status.ACTIVE
    )
    reservation = active.first()
    if reservation is None:
        return
    if active.update(status=Reservation.Status.RELEASED, resolved_at=now) == 1:
        Budget.objects.filter(pk=reservation.budget_id).update(
            reserved_minor=F("reserved_minor") - reservation.amount_minor
        )


def resolve_approval(
    row: Transaction,
    *,
    status: ApprovalRequest.Status,
    now: datetime,
    resolved_by_id: str | None = None,
    reason: str = "",
) -> None:
    """Resolve the waiting approval request of a locked transaction, exactly once.

    The reason is masked, as it is in the log: people paste what they should not.
    """
    resolved = ApprovalRequest.objects.filter(
        transaction=row, status=ApprovalRequest.Status.WAITING
    ).update(
        status=status,
        resolved_at=now,
        resolved_by_id=resolved_by_id,
        reason=mask(reason)[:REASON_MAX],
    )
    if resolved != 1:
        raise AssertionError("A pending transaction has one waiting approval request.")
    AgentActivity.objects.filter(agent_id=row.agent_id).update(
        waiting_approvals=F("waiting_approvals") - 1
    )
