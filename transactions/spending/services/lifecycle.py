"""Status changes of transactions: locking, cancellation and expiry."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from agents.principals import AgentPrincipal
from agents.queries import LockedAgent
from audit.base.context import Principal, System
from audit.base.core.masking import mask
from audit.base.errors import NotFound
from audit.base.readable import REASON_MAX
from audit.base.sessions import is_disconnected
from audit.services.recording import record
from transactions.approvals.models import ApprovalRequest
from transactions.budgets.models import Reservation
from transactions.budgets.queries.locking import LockedSpender, lock_spender
from transactions.budgets.services.ledger import release, reservation_of
from transactions.decisions.core.states import may_follow
from transactions.errors import BudgetsChanging, InvalidState
from transactions.risk.models import AgentActivity
from transactions.spending.models import Transaction

logger = logging.getLogger(__name__)

Status = Transaction.Status
SWEEPER = System("expiry")
SWEEP_MAX = 500
HELD_MONEY = (Status.AUTHORIZED, Status.PARTIALLY_CAPTURED)


def cancel(transaction_id: str, *, acting: AgentPrincipal) -> Transaction:
    """Cancel a request that still waits for a human; for its agent only.

    Raises NotFound, or InvalidState if it no longer waits.
    """
    with transaction.atomic(durable=True):
        spender, row = lock_transaction(transaction_id, agent_id=acting.principal_id)
        agent = spender.agent
        if row.status != Status.PENDING_APPROVAL:
            raise InvalidState.of(row.status)
        resolve_approval(row, status=ApprovalRequest.Status.CANCELED, now=agent.now)
        end(row, Status.CANCELED, "transaction.canceled", agent=agent, actor=acting)
    return row


def expire_due_authorizations(*, now: datetime) -> int:
    """Expire authorizations not captured in time; return their number, at most 500."""
    due = Transaction.objects.filter(status__in=HELD_MONEY, expires_at__lte=now)
    keys = due.order_by("expires_at").values_list("agent_id", "pk")
    return sweep(list(keys[:SWEEP_MAX]), _expire)


def sweep(keys: Sequence[tuple[str, str]], tidy: Callable[[str, str], bool]) -> int:
    """Call `tidy` for each pair of agent and id; return how many it has tidied.

    A failure is logged and does not stop the others.
    """
    tidied = failed = 0
    for agent_id, key in keys:
        try:
            tidied += tidy(agent_id, key)
        except Exception:
            if is_disconnected():
                raise  # The database is unreachable: all others would fail, too.
            failed += 1
            logger.exception("%s of %s failed", tidy.__name__, key)
    if failed:
        logger.error("%d of %d failed and were not changed", failed, len(keys))
    return tidied


def _expire(agent_id: str, transaction_id: str) -> bool:
    with transaction.atomic(durable=True):
        spender, row = lock_transaction(transaction_id, agent_id=agent_id)
        agent = spender.agent
        if row.status not in HELD_MONEY or not is_due(row, agent):
            return False
        expire(row, agent=agent)
    return True


def is_due(row: Transaction, agent: LockedAgent) -> bool:
    """Return whether a transaction has expired by the clock of the agent's lock."""
    return row.expires_at is not None and row.expires_at <= agent.now


def expire(row: Transaction, *, agent: LockedAgent) -> None:
    """Expire a locked transaction, and give its money back."""
    end(row, Status.EXPIRED, "transaction.expired", agent=agent, actor=SWEEPER)


def lock_transaction(
    transaction_id: str, *, agent_id: str
) -> tuple[LockedSpender, Transaction]:
    """Lock shared budgets, agent and transaction, in this order.

    Raises NotFound; BudgetsChanging if the transaction was added to another shared
    budget while waiting, because locking that budget now would break the order.
    """
    spender = lock_spender(agent_id, transaction_id=transaction_id)
    row = (
        Transaction.objects.select_for_update(of=("self",))
        .select_related("agent", "credential")
        .defer("credential__signing_secret", "credential__secret_hash")
        .filter(pk=transaction_id, agent_id=agent_id)
        .first()
    )
    if row is None:
        raise NotFound
    reservations = Reservation.objects.filter(pk=row.pk)
    concerned = reservations.values_list("shared_budgets", flat=True).first() or ()
    if not {budget.id for budget in spender.shared}.issuperset(concerned):
        raise BudgetsChanging
    return spender, row


def end(
    row: Transaction,
    status: Transaction.Status,
    action: str,
    *,
    agent: LockedAgent,
    actor: Principal,
) -> None:
    """Set a final status of a locked transaction, and give its money back."""
    before = str(row.status)
    set_status(row, status)
    release(reservation_of(row), agent=agent)
    record_event(row, action, {"from": before}, actor=actor)


def set_status(row: Transaction, status: Transaction.Status) -> None:
    """Change a locked transaction's status; only along the state table."""
    if not may_follow(row.status, status):
        raise AssertionError(f"{row.status} does not lead to {status}.")
    row.status = status
    row.save(update_fields=["status"])


def record_event(
    row: Transaction, action: str, details: Mapping[str, Any], *, actor: Principal
) -> None:
    """Record an audit event of a transaction."""
    record(
        action,
        target=("transaction", row.id, ""),
        owner_id=row.agent.owner_id,
        details={**details, "mode": row.agent.mode},
        actor=actor,
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

    The reason is masked, as in the audit log, because people may paste secrets.
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
