"""What tests about shared budgets share."""

from __future__ import annotations

from django.utils import timezone

from security.changes.services import approve_change
from tests.factories import SEED_POLICY
from transactions.budgets.models import Budget, SharedBudget
from transactions.budgets.services.shared_budgets import (
    SharedBudgetTerms,
    set_shared_budget,
)

POLICY = {
    **SEED_POLICY,
    "requires_approval_above": None,
    "allowed_merchants": None,
}


def share(alice, limit_minor, team=None, period="day", **values):
    """Set a shared budget in USD; without a team the organisation's."""
    terms = SharedBudgetTerms(
        team_id=team and team.pk,
        currency="USD",
        period=period,
        limit_minor=limit_minor,
        **values,
    )
    alice.authenticated_at = timezone.now()
    return set_shared_budget(terms, acting=alice)


def loosen(admins, *args, **values):
    """Set a shared budget as share() does, where a second administrator must agree."""
    asker, other = admins
    change = share(asker, *args, **values)
    assert change.kind == "shared_budget"
    other.authenticated_at = timezone.now()
    approve_change(change.pk, acting=other)
    return SharedBudget.objects.get(pk=change.target_id)


def reasons(body):
    return [reason["code"] for reason in body["reasons"]]


def used(budget):
    """Return what is reserved, posted and late in its one period."""
    row = Budget.objects.get(holder=budget.pk)
    return row.reserved_minor, row.posted_minor, row.late_minor
