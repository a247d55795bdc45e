"""Lock the people whose rights count, so that concurrent role changes are respected."""

from __future__ import annotations

from datetime import datetime

from accounts.models import User
from transactions.approvals.models import ApprovalRequest, ApprovalVote
from transactions.approvers.queries import Capacity, live_delegations_to


def lock_people(
    approval: ApprovalRequest, acting: User, *, now: datetime
) -> tuple[list[Capacity], list[ApprovalVote]]:
    """Return the capacities of a person and all votes so far. 5 queries.

    All people are loaded again: their rows are locked in one order, after the agent and
    the transaction. Revoking a delegation locks the delegator's row as well, so what is
    read after the wait stays true.
    """
    ids = {acting.pk}
    ids.update(one.delegator_id for one in live_delegations_to(acting, now=now))
    for vote in _votes(approval):
        ids.add(vote.person_id)
        if vote.delegation:
            ids.add(vote.delegation.delegator_id)
    rows = User.objects.select_for_update(no_key=True).filter(pk__in=ids)
    people = {person.pk: person for person in rows.order_by("pk")}
    capacities = [Capacity(people[acting.pk])]
    for delegation in live_delegations_to(acting, now=now):
        if delegation.delegator_id in people:
            delegation.delegator = people[delegation.delegator_id]
            capacities.append(Capacity(people[acting.pk], delegation))
    given = _votes(approval)
    for vote in given:
        vote.person = people[vote.person_id]
        if vote.delegation:
            vote.delegation.delegator = people[vote.delegation.delegator_id]
    return capacities, given


def _votes(approval: ApprovalRequest) -> list[ApprovalVote]:
    votes = ApprovalVote.objects.filter(approval=approval)
    return list(votes.select_related("delegation"))
