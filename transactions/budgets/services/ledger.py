"""Movements of money: reserve, capture, release and refund all go through here.

Call while holding the locks of lock_spender(), which protect all affected budgets.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q, QuerySet

from agents.queries import LockedAgent
from transactions.budgets.core.ledger import EFFECTS, MOVEMENTS, ends_counting
from transactions.budgets.models import Budget, LedgerEntry, Reservation
from transactions.spending.models import Transaction


def entry(row: Transaction, kind: str, amount_minor: int, now: datetime) -> LedgerEntry:
    """Return the unsaved ledger entry of a movement of a transaction's money."""
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
    """Return the reservation of a locked transaction."""
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
    if ends_counting(
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
    """Return the budgets in which a transaction counts.

    Excludes the agent's budgets that were last counted under another policy version:
    they are counted again before the next decision uses them.
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
