"""Locking the people whose right counts, so that a role being changed counts too."""

from __future__ import annotations

from datetime import datetime

from accounts.models import User
from transactions.models import ApprovalRequest, ApprovalVote
from transactions.queries.approvers import Capacity, live_delegations_to


def lock_people(
    approval: ApprovalRequest, acting: User, *, now: datetime
) -> tuple[list[Capacity], list[ApprovalVote]]:
    """Return in whose rights a person may decide, and all votes so far, 3 queries.

    With everybody as stored, not as remembered: their rows are locked in one order,
    after the agent's and the transaction's.
    """
    delegations = list(live_delegations_to(acting, now=now))
    votes = ApprovalVote.objects.filter(approval=approval)
    given = list(votes.select_related("delegation"))
    used = [*delegations, *(vote.delegation for vote in given if vote.delegation)]
    ids = {
        acting.pk,
        *(vote.person_id for vote in given),
        *(one.delegator_id for one in used),
    }
    rows = User.objects.select_for_update(no_key=True).filter(pk__in=ids)
    people = {person.pk: person for person in rows.order_by("pk")}
    for vote in given:
        vote.person = people[vote.person_id]
    for one in used:
        one.delegator = people[one.delegator_id]
    person = people[acting.pk]
    return [Capacity(person), *(Capacity(person, one) for one in delegations)], given
