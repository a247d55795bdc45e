"""Money set aside, taken and given back: every movement goes through here.

Call with the locks of lock_spender() held, for they guard every budget concerned.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q, QuerySet

from agents.queries import LockedAgent
from transactions.budgets.core.ledger import EFFECTS, MOVEMENTS, frees_a_place
from transactions.budgets.models import Budget, LedgerEntry, Reservation
from transactions.spending.models import Transaction


def entry(row: Transaction, kind: str, amount_minor: int, now: datetime) -> LedgerEntry:
    """Return the ledger's line of a movement of a transaction's money."""
    credit, debit = MOVEMENTS[kind]
    return LedgerEntry(
        transaction=row,
        agent_id=row.agent_id,
        kind=kind,
        credit=credit,
        debit=debit,
        amount_minor=amount_minor,
        currency=row.currency,
        created_at=now,
    )


def reservation_of(row: Transaction) -> Reservation:
    """Return what is set aside for a locked transaction, read under its locks."""
    reservation = Reservation.objects.get(pk=row.pk)
    reservation.transaction = row
    return reservation


def move_money(
    reservation: Reservation, kind: str, amount_minor: int, *, agent: LockedAgent
) -> None:
    """Move money of one transaction: ledger, reservation and budgets together."""
    effect, row = EFFECTS[kind], reservation.transaction
    above_minor = reservation.above_minor
    for name, sign in effect.reservation.items():
        setattr(reservation, name, getattr(reservation, name) + sign * amount_minor)
    is_resolved = reservation.outstanding_minor == 0
    if is_resolved and reservation.resolved_at is None:
        reservation.resolved_at = agent.now
    reservation.save(update_fields=[*effect.reservation, "resolved_at"])
    entry(row, kind, amount_minor, agent.now).save(force_insert=True)
    changes = {
        name: F(name) + sign * amount_minor for name, sign in effect.budget.items()
    }
    if frees_a_place(
        kind, is_resolved=is_resolved, captured_minor=reservation.captured_minor
    ):
        changes["count"] = F("count") - 1
    if reservation.above_minor != above_minor:
        more_minor = reservation.above_minor - above_minor
        changes["late_above_minor"] = F("late_above_minor") + more_minor
    if changes:
        _budgets_of(reservation, agent).update(**changes)


def release(reservation: Reservation, *, agent: LockedAgent) -> None:
    """Give back what is still set aside, if anything."""
    if reservation.outstanding_minor:
        move_money(reservation, "release", reservation.outstanding_minor, agent=agent)


def _budgets_of(reservation: Reservation, agent: LockedAgent) -> QuerySet[Budget]:
    """Return the budgets that count a transaction.

    Those of the agent that were last counted under another policy version stay as
    they are: before anything is decided by them they are counted anew.
    """
    row = reservation.transaction
    scopes = ["agent", f"merchant:{row.merchant_key}", f"category:{row.category}"]
    own = Q(
        holder=row.agent_id, scope__in=scopes, counted_under=agent.policy_version_id
    )
    return Budget.objects.filter(
        own | Q(holder__in=reservation.shared_budgets),
        Q(ends_at=None) | Q(ends_at__gt=row.occurred_at),
        currency=row.currency,
        starts_at__lte=row.occurred_at,
    )
