"""Budgets that a team's agents, or all of them, share."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Team, User
from agents.core.money import format_amount
from audit.errors import NotPermitted
from audit.services import record
from security.step_up import takes_proof
from transactions.errors import InvalidRequest
from transactions.models import Budget, SharedBudget
from transactions.services.shared_counting import Joined, count_shared, join_ahead

PERMISSION = "transactions.change_sharedbudget"
# The rest says which budget it is.
CHANGEABLE = ("limit_minor", "time_zone", "is_active")


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBudgetTerms:
    """What a human sets: at most so much in a period, for a team or for everybody."""

    team_id: str | None
    currency: str
    period: str
    limit_minor: int
    time_zone: str = "UTC"
    is_active: bool = True


@takes_proof
def set_shared_budget(terms: SharedBudgetTerms, *, acting: User) -> SharedBudget:
    """Set what a team, or everybody, may spend in a period, from the next decision on.

    What was spent in the present period counts, if it was not counted yet: then it
    waits for the decisions of all agents concerned, whose rows it locks in order of
    their ids, after its own. Raises NotPermitted, InvalidRequest for an unknown team.
    """
    if not acting.has_perm(PERMISSION):
        raise NotPermitted
    if terms.team_id is not None and not Team.objects.filter(pk=terms.team_id).exists():
        raise InvalidRequest("team_unknown", "There is no such team.", pointer="/team")
    joined = _joined_ahead(terms, acting=acting)
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
            count_shared(budget, joined)
        # What is set aside already may be raised up to the new limit, too; past any
        # while the budget is switched off, and where it counts in days that are gone.
        counts = Budget.objects.filter(holder=budget.pk)
        if terms.is_active and before.get("time_zone") == terms.time_zone:
            raised = counts.filter(limit_minor__lt=budget.limit_minor)
            raised.update(limit_minor=budget.limit_minor)
        else:
            counts.update(limit_minor=None)
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


def _joined_ahead(terms: SharedBudgetTerms, *, acting: User) -> Joined | None:
    """Prepare a budget of all time, whose past may be too long to be locked out.

    It is made switched off, on record, and found again by who asks once more.
    """
    if not terms.is_active or terms.period != SharedBudget.Period.ALL_TIME:
        return None
    budget = SharedBudget.objects.filter(
        team_id=terms.team_id, currency=terms.currency, period=terms.period
    ).first()
    if budget is None:
        budget = set_shared_budget(replace(terms, is_active=False), acting=acting)
    return join_ahead(budget)


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
