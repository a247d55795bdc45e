"""Money set aside, taken and given back: every movement goes through here.

Call with the locks of lock_spender() held, for they guard every budget concerned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from django.db.models import F, Q, QuerySet

from agents.queries import LockedAgent
from transactions.core.ledger import MOVEMENTS
from transactions.models import Budget, LedgerEntry, Reservation, Transaction


@dataclass(frozen=True, slots=True)
class Effect:
    """What one unit of a movement adds to a reservation's and a budget's columns."""

    reservation: Mapping[str, int]
    budget: Mapping[str, int]


EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {
        "increment": Effect({"amount_minor": 1}, {"reserved_minor": 1}),
        "release": Effect({"released_minor": 1}, {"reserved_minor": -1}),
        "capture": Effect(
            {"captured_minor": 1}, {"reserved_minor": -1, "posted_minor": 1}
        ),
        "late_capture": Effect({"late_minor": 1}, {"late_minor": 1}),
        # What comes back raises no budget, or a refund would buy more.
        "refund": Effect({"refunded_minor": 1}, {}),
    }
)


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
    if kind == "release" and is_resolved and reservation.captured_minor == 0:
        changes["count"] = F("count") - 1
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
