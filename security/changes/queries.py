"""Read change requests."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from audit.base.context import Principal
from security.changes.models import ChangeRequest
from security.changes.registry import changer_for, decidable_by


def may_decide(change: ChangeRequest, person: Principal) -> bool:
    """Return whether a person may decide a change: never their own request or gain.

    Whatever its status; what is resolved stays to be read.
    """
    if person.principal_id in (change.requested_by_id, change.owner_id):
        return False
    decidable = changer_for(change.kind).decidable_by(person)
    return ChangeRequest.objects.filter(decidable, pk=change.pk).exists()


def currency_of(change: ChangeRequest) -> str:
    """Return the currency of a change's amounts that do not name theirs; no query."""
    currency: str = change.payload.get("currency", "")
    return currency


def change_requests_visible_to(person: Principal) -> QuerySet[ChangeRequest]:
    """Return the changes that a person asked for, gains by or may decide."""
    own = Q(requested_by_id=person.principal_id) | Q(owner_id=person.principal_id)
    return ChangeRequest.objects.filter(own | decidable_by(person))
