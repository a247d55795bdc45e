"""Budgets that a team's agents, or all of them, share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Team, User
from agents.core.money import format_amount
from agents.models import Agent
from audit.errors import NotFound, NotPermitted
from audit.services import record
from transactions.core.limits import pot_of
from transactions.models import Budget, SharedBudget
from transactions.queries.budgets import shared_history

PERMISSION = "transactions.change_sharedbudget"
# The rest says which budget it is.
CHANGEABLE = ("limit_minor", "time_zone", "is_active")

# What the live agents of a team (or of all) did in a span counts from now on.
_JOIN = """
UPDATE transactions_reservation r
SET shared_budgets = array_append(r.shared_budgets, %(budget)s)
FROM transactions_transaction t
WHERE t.id = r.transaction_id AND t.agent_id = ANY(%(agents)s)
  AND t.currency = %(currency)s AND t.created_at >= %(since)s
  AND (%(until)s::timestamptz IS NULL OR t.occurred_at < %(until)s)
  AND NOT %(budget)s = ANY(r.shared_budgets)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBudgetTerms:
    """What a human sets: at most so much in a period, for a team or for everybody."""

    team_id: str | None
    currency: str
    period: str
    limit_minor: int
    time_zone: str = "UTC"
    is_active: bool = True


def set_shared_budget(terms: SharedBudgetTerms, *, acting: User) -> SharedBudget:
    """Set what a team, or everybody, may spend in a period, from the next decision on.

    What was spent in the present period counts, if it was not counted yet: then it
    waits for the decisions of all agents concerned, whose rows it locks in order of
    their ids, after its own. Raises NotPermitted, NotFound for an unknown team.
    """
    if not acting.has_perm(PERMISSION):
        raise NotPermitted
    if terms.team_id is not None and not Team.objects.filter(pk=terms.team_id).exists():
        raise NotFound
    with transaction.atomic(durable=True):
        made = SharedBudget(created_at=timezone.now(), **asdict(terms))
        # Two who set it at once: the second one changes what the first one made.
        SharedBudget.objects.bulk_create([made], ignore_conflicts=True)
        budget = SharedBudget.objects.select_for_update(of=("self",)).get(
            team_id=terms.team_id, currency=terms.currency, period=terms.period
        )
        before = {} if budget.pk == made.pk else asdict(_terms_of(budget))
        for name in CHANGEABLE:
            setattr(budget, name, getattr(terms, name))
        budget.save(update_fields=CHANGEABLE)
        if terms.is_active and _was_not_counted(before, terms):
            _count(budget)
        # What is set aside already may be raised up to the new limit, too; past any
        # while the budget is switched off.
        counts = Budget.objects.filter(holder=budget.pk)
        if terms.is_active:
            counts = counts.filter(limit_minor__lt=budget.limit_minor)
        counts.update(limit_minor=budget.limit_minor if terms.is_active else None)
        record(
            "shared_budget.set",
            target=("shared_budget", budget.pk, str(budget)),
            details={
                "limit": format_amount(terms.limit_minor, terms.currency),
                "currency": terms.currency,
                "period": terms.period,
                "changes": _changes(before, asdict(terms)),
            },
            actor=acting,
        )
    return budget


def _terms_of(budget: SharedBudget) -> SharedBudgetTerms:
    return SharedBudgetTerms(
        team_id=budget.team_id,
        currency=budget.currency,
        period=budget.period,
        limit_minor=budget.limit_minor,
        time_zone=budget.time_zone,
        is_active=budget.is_active,
    )


def _was_not_counted(before: dict[str, Any], terms: SharedBudgetTerms) -> bool:
    return not before.get("is_active") or before["time_zone"] != terms.time_zone


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[Any]]:
    return {
        name: [before.get(name), value]
        for name, value in after.items()
        if before.get(name) != value
    }


def _count(budget: SharedBudget) -> None:
    """Count what the present period has seen, while no decision is under way."""
    agents = Agent.objects.filter(mode=Agent.Mode.LIVE)
    if budget.team_id is not None:
        agents = agents.filter(owner__team_id=budget.team_id)
    locked = agents.select_for_update(of=("self",)).order_by("pk")
    ids = list(locked.values_list("pk", flat=True))
    pot = pot_of(budget, timezone.now())
    parameters = {
        "agents": ids,
        "budget": budget.pk,
        "currency": budget.currency,
        "since": pot.since,
        "until": pot.ends_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_JOIN, parameters)
    reserved_minor, posted_minor, late_minor, count = shared_history(
        pot, budget.currency
    )
    # Days of another time zone would count a part of this one, and give back more.
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
            "reserved_minor": reserved_minor,
            "posted_minor": posted_minor,
            "late_minor": late_minor,
            "count": count,
        },
    )
