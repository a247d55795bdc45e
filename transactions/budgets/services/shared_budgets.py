"""Set shared budgets of a team or of the organisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import Team, User
from agents.core.money import format_amount
from agents.policy.core.words import spoken_amount
from audit.base.context import Principal
from audit.base.errors import NotFound, NotPermitted
from audit.services.recording import record
from security.changes.four_eyes import four_eyes_note
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
# The other terms identify the budget.
CHANGEABLE = ("limit_minor", "time_zone", "is_active")


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBudgetTerms:
    """The terms of a shared budget; team_id None means the whole organisation."""

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
    """Set a shared budget, which applies from the next decision on.

    If this loosens a budget in force, a second person is asked to approve it first, and
    nothing changes until then. Spending in the present period counts. If it was not yet
    counted, this locks the rows of all affected agents, by id and after the budget, and
    so waits for their running decisions.

    Raises NotPermitted, StepUpRequired, InvalidRequest for an unknown team.
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
    """Set a budget as a second person approved it; see security/changes/registry.py.

    Raises ChangeSuperseded if the budget has changed since, or the person who asked may
    no longer set one.
    """
    if not User.objects.get(pk=change.requested_by_id).has_perm(PERMISSION):
        raise ChangeSuperseded("The requester may no longer ask for this.")
    budget = SharedBudget.objects.get(pk=change.target_id)
    before = _terms_of(budget)
    if change.base != _changeable(before):
        raise ChangeSuperseded
    terms = replace(before, **change.payload)
    extra = {"change_request": change.pk}
    _put_in_force(budget, before, terms, None, acting=acting, extra=extra)


def lock_shared_budget(target_id: str) -> None:
    """Lock a budget's row until the transaction ends. Raises NotFound."""
    rows = SharedBudget.objects.select_for_update(of=("self",))
    if not rows.filter(pk=target_id).first():
        raise NotFound


def _joined_ahead(terms: SharedBudgetTerms, *, acting: User) -> Joined | None:
    """Prepare an all-time budget, whose history may be too long to process under locks.

    Creates it inactive, with its audit event; a repeated request finds it again.
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
    """Lock and return a budget and its terms; the terms are None if it is new."""
    made = SharedBudget(created_at=timezone.now(), **asdict(terms))
    # If two people set it at the same time, the second one changes the first's row.
    SharedBudget.objects.bulk_create([made], ignore_conflicts=True)
    budget = SharedBudget.objects.select_for_update(of=("self",)).get(
        team_id=terms.team_id, currency=terms.currency, period=terms.period
    )
    return budget, None if budget.pk == made.pk else _terms_of(budget)


def _loosens(before: SharedBudgetTerms, terms: SharedBudgetTerms) -> bool:
    """Return whether a budget in force would limit less, or by other days."""
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
    extra: Mapping[str, str] | None = None,
) -> None:
    """Change a budget whose row is locked; `before` is None for a new one."""
    for name in CHANGEABLE:
        setattr(budget, name, getattr(terms, name))
    budget.save(update_fields=CHANGEABLE)
    is_same_zone = before is not None and before.time_zone == terms.time_zone
    was_counted = before is not None and before.is_active and is_same_zone
    if terms.is_active and not was_counted:
        count_shared(budget, joined)
    # The new limit also applies to existing counts if it is higher. There is no limit
    # while the budget is inactive, or for periods of another time zone.
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
            **(extra or four_eyes_note()),
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
