"""Count earlier spending in a shared budget that is set afterwards.

A reservation lists the shared budgets in which it counts, so that money is only given
back to budgets that counted it. This module adds a budget to earlier reservations.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from agents.models import Agent
from transactions.budgets.core.pots import pot_of
from transactions.budgets.models import Budget, SharedBudget
from transactions.budgets.queries.budgets import shared_history

BATCH = 2_000

_LACKS_IT = "NOT %(budget)s = ANY(r.shared_budgets)"
# Adds the budget to all reservations in a span; live agents use the database's clock.
_JOIN = f"""
UPDATE transactions_reservation r
SET shared_budgets = array_append(r.shared_budgets, %(budget)s)
FROM transactions_transaction t
WHERE t.id = r.transaction_id AND t.agent_id = ANY(%(agents)s)
  AND t.currency = %(currency)s AND t.created_at >= %(since)s
  AND (%(until)s::timestamptz IS NULL OR t.occurred_at < %(until)s)
  AND {_LACKS_IT}
"""  # noqa: S608 - constants only.
# Adds it to the next older ones of one agent; returns the oldest of this batch.
_JOIN_BATCH = f"""
WITH batch AS MATERIALIZED (
    SELECT t.id, t.created_at FROM transactions_transaction t
    WHERE t.agent_id = %(agent)s AND t.currency = %(currency)s
      AND (t.created_at, t.id) < (%(created_at)s, %(id)s)
    ORDER BY t.created_at DESC, t.id DESC LIMIT %(size)s
), joined AS (
    UPDATE transactions_reservation r
    SET shared_budgets = array_append(r.shared_budgets, %(budget)s)
    FROM batch WHERE r.transaction_id = batch.id AND {_LACKS_IT}
)
SELECT created_at, id FROM batch ORDER BY created_at, id LIMIT 1
"""  # noqa: S608 - constants only.


@dataclass(frozen=True, slots=True)
class Joined:
    """All earlier reservations of these agents list the budget already."""

    agents: frozenset[str]
    before: datetime


def join_ahead(budget: SharedBudget) -> Joined | None:
    """Add a budget that is not in force yet to all earlier reservations.

    Works in short transactions, each with the lock of one agent, so that little is left
    to do while all agents are locked. Can be interrupted and repeated. Returns None if
    the budget counts something already: then only counted reservations may list it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        [before] = cursor.fetchone()
    ids = list(_agents_of(budget).values_list("pk", flat=True))
    for agent_id in ids:
        place: tuple[datetime, str] | None = (before, "")
        while place is not None:
            with transaction.atomic(durable=True):
                if not _counts_nothing(budget):
                    return None
                place = _join_batch(budget, agent_id, place)
    return Joined(frozenset(ids), before)


def count_shared(budget: SharedBudget, joined: Joined | None) -> None:
    """Count the spending of the present period in a budget.

    Call while holding the budget's lock. Locks all its agents, by id, so no decision
    runs meanwhile.
    """
    locked = _agents_of(budget).select_for_update(of=("self",)).order_by("pk")
    ids = set(locked.values_list("pk", flat=True))
    pot = pot_of(budget, timezone.now())
    known = ids & joined.agents if joined else set()
    if joined:
        _join(budget, known, max(pot.since, joined.before), pot.ends_at)
    _join(budget, ids - known, pot.since, pot.ends_at)
    figures = shared_history(pot)
    # Delete overlapping periods of another time zone: they would count money twice.
    overlapping = Q(ends_at=None) | Q(ends_at__gt=pot.starts_at)
    Budget.objects.filter(overlapping, holder=budget.pk, window=pot.window).exclude(
        starts_at=pot.starts_at
    ).delete()
    Budget.objects.update_or_create(
        holder=budget.pk,
        currency=budget.currency,
        scope=pot.scope,
        window=pot.window,
        starts_at=pot.starts_at,
        defaults={
            "ends_at": pot.ends_at,
            "limit_minor": None,
            **asdict(figures),
        },
    )


def _agents_of(budget: SharedBudget) -> QuerySet[Agent]:
    agents = Agent.objects.filter(mode=Agent.Mode.LIVE)
    if budget.team_id is None:
        return agents
    return agents.filter(owner__team_id=budget.team_id)


def _counts_nothing(budget: SharedBudget) -> bool:
    """Lock a budget, and return whether it is inactive and has never counted."""
    rows = SharedBudget.objects.select_for_update(of=("self",))
    is_active = rows.values_list("is_active", flat=True).get(pk=budget.pk)
    return not (is_active or Budget.objects.filter(holder=budget.pk).exists())


def _join(
    budget: SharedBudget,
    agents: Collection[str],
    since: datetime,
    until: datetime | None,
) -> None:
    parameters = {
        "agents": sorted(agents),
        "budget": budget.pk,
        "currency": budget.currency,
        "since": since,
        "until": until,
    }
    with connection.cursor() as cursor:
        cursor.execute(_JOIN, parameters)


def _join_batch(
    budget: SharedBudget, agent_id: str, place: tuple[datetime, str]
) -> tuple[datetime, str] | None:
    """Join reservations older than `place`; return the place of the oldest, or None."""
    # Waits for running decisions; later money movements see the added budget.
    Agent.objects.select_for_update(of=("self",)).get(pk=agent_id)
    created_at, last_id = place
    parameters = {
        "agent": agent_id,
        "budget": budget.pk,
        "currency": budget.currency,
        "created_at": created_at,
        "id": last_id,
        "size": BATCH,
    }
    with connection.cursor() as cursor:
        cursor.execute(_JOIN_BATCH, parameters)
        end: tuple[datetime, str] | None = cursor.fetchone()
    return end
