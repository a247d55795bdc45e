"""Budgets that a team's agents, or all of them, share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import Team, User
from agents.core.money import format_amount
from agents.core.policy_words import spoken_amount
from audit.base.context import Principal
from audit.base.errors import NotFound, NotPermitted
from audit.services.recording import record
from security.changes.four_eyes import said_of_them
from security.changes.models import ChangeRequest
from security.changes.services import Proposal, request_change
from security.errors import ChangeSuperseded
from security.step_up import takes_proof
from transactions.budgets.models import Budget, SharedBudget
from transactions.budgets.services.shared_counting import (
    Joined,
    count_shared,
    join_ahead,
)
from transactions.errors import InvalidRequest

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
def set_shared_budget(
    terms: SharedBudgetTerms, *, acting: User
) -> SharedBudget | ChangeRequest:
    """Set what a team, or everybody, may spend in a period, from the next decision on.

    Or ask a second person to, where a budget in force would be looser: then nothing
    changes until somebody agrees. What was spent in the present period counts, if it
    was not counted yet: then it waits for the decisions of all agents concerned, whose
    rows it locks in order of their ids, after its own. Raises NotPermitted,
    StepUpRequired, InvalidRequest for an unknown team.
    """
    if not acting.has_perm(PERMISSION):
        raise NotPermitted
    if terms.team_id is not None and not Team.objects.filter(pk=terms.team_id).exists():
        raise InvalidRequest("team_unknown", "There is no such team.", pointer="/team")
    joined = _joined_ahead(terms, acting=acting)
    with transaction.atomic(durable=True):
        budget, before = _locked(terms)
        if settings.FOUR_EYES and before and _loosens(before, terms):
            proposal = _proposal(budget, before, terms, owner_id=acting.pk)
            return request_change(proposal, acting=acting)
        _put_in_force(budget, before, terms, joined, acting=acting)
    return budget


def apply_shared_budget(change: ChangeRequest, *, acting: Principal) -> None:
    """Set a budget as a second person agreed to; see security/changes/registry.py.

    Raises ChangeSuperseded if the budget is not what it was, or the person who asked
    may no longer set one.
    """
    if not User.objects.get(pk=change.requested_by_id).has_perm(PERMISSION):
        raise ChangeSuperseded("Who asked for it may no longer do so.")
    budget = SharedBudget.objects.get(pk=change.target_id)
    before = _terms_of(budget)
    if change.base != _changeable(before):
        raise ChangeSuperseded
    terms = replace(before, **change.payload)
    told = {"change_request": change.pk}
    _put_in_force(budget, before, terms, None, acting=acting, told=told)


def lock_shared_budget(target_id: str) -> None:
    """Lock a budget's row until the transaction ends. Raises NotFound."""
    rows = SharedBudget.objects.select_for_update(of=("self",))
    if not rows.filter(pk=target_id).first():
        raise NotFound


def _joined_ahead(terms: SharedBudgetTerms, *, acting: User) -> Joined | None:
    """Prepare a budget of all time, whose past may be too long to be locked out.

    It is made switched off, on record, and found again by who asks once more.
    """
    if not terms.is_active or terms.period != SharedBudget.Period.ALL_TIME:
        return None
    off = replace(terms, is_active=False)
    with transaction.atomic(durable=True):
        budget, before = _locked(off)
        if before is None:
            _put_in_force(budget, None, off, None, acting=acting)
    return join_ahead(budget)


def _locked(
    terms: SharedBudgetTerms,
) -> tuple[SharedBudget, SharedBudgetTerms | None]:
    """Lock and return a budget and its terms; None for those of one made here."""
    made = SharedBudget(created_at=timezone.now(), **asdict(terms))
    # Two who set it at once: the second one changes what the first one made.
    SharedBudget.objects.bulk_create([made], ignore_conflicts=True)
    budget = SharedBudget.objects.select_for_update(of=("self",)).get(
        team_id=terms.team_id, currency=terms.currency, period=terms.period
    )
    return budget, None if budget.pk == made.pk else _terms_of(budget)


def _loosens(before: SharedBudgetTerms, terms: SharedBudgetTerms) -> bool:
    """Return whether a budget in force would limit less, or in other days."""
    return before.is_active and (
        not terms.is_active
        or terms.limit_minor > before.limit_minor
        or terms.time_zone != before.time_zone
    )


def _proposal(
    budget: SharedBudget,
    before: SharedBudgetTerms,
    terms: SharedBudgetTerms,
    *,
    owner_id: str,
) -> Proposal:
    return Proposal(
        kind=ChangeRequest.Kind.SHARED_BUDGET,
        target_id=budget.pk,
        target_label=f"{budget}, {budget.currency}"[:200],
        owner_id=owner_id,
        payload=_changeable(terms),
        base=_changeable(before),
        changes=_changes(_shown(before), _shown(terms)),
    )


def _put_in_force(
    budget: SharedBudget,
    before: SharedBudgetTerms | None,
    terms: SharedBudgetTerms,
    joined: Joined | None,
    *,
    acting: Principal,
    told: Mapping[str, str] | None = None,
) -> None:
    """Change a budget whose row is locked; `before` is None for a new one."""
    for name in CHANGEABLE:
        setattr(budget, name, getattr(terms, name))
    budget.save(update_fields=CHANGEABLE)
    is_same_zone = before is not None and before.time_zone == terms.time_zone
    was_counted = before is not None and before.is_active and is_same_zone
    if terms.is_active and not was_counted:
        count_shared(budget, joined)
    # What is set aside already may be raised up to the new limit, too; past any
    # while the budget is switched off, and where it counts in days that are gone.
    counts = Budget.objects.filter(holder=budget.pk)
    if terms.is_active and is_same_zone:
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
            "changes": _changes(asdict(before) if before else {}, asdict(terms)),
            **(told or said_of_them()),
        },
        actor=acting,
    )


def _terms_of(budget: SharedBudget) -> SharedBudgetTerms:
    return SharedBudgetTerms(
        team_id=budget.team_id,
        currency=budget.currency,
        period=budget.period,
        limit_minor=budget.limit_minor,
        time_zone=budget.time_zone,
        is_active=budget.is_active,
    )


def _changeable(terms: SharedBudgetTerms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in CHANGEABLE}


def _shown(terms: SharedBudgetTerms) -> dict[str, Any]:
    return {
        "limit": spoken_amount(terms.limit_minor, terms.currency),
        "time_zone": terms.time_zone,
        "active": terms.is_active,
    }


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[Any]]:
    return {
        name: [before.get(name), value]
        for name, value in after.items()
        if before.get(name) != value
    }
