"""Agents and approval requests that a person's team is responsible for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from accounts.models import User
from agents.models import Agent
from agents.queries import agents_visible_to
from transactions.approvals.models import ApprovalRequest
from transactions.approvers.queries import Capacity, capacities_of, may_approve


def agents_in_scope(user: User, capacities: Sequence[Capacity]) -> QuerySet[Agent]:
    """Return the agents that a person may see in their own right or by delegation.

    A delegator's agents are included if both people may approve.
    """
    agents, others = agents_visible_to(user), capacities[1:]
    if others and may_approve(user):
        for capacity in others:
            if may_approve(capacity.holder):
                agents |= agents_visible_to(capacity.holder)
    return agents


def approvals_in_scope(user: User, *, now: datetime) -> QuerySet[ApprovalRequest]:
    """Return the approval requests of agents_in_scope()."""
    agents = agents_in_scope(user, capacities_of(user, now=now))
    return ApprovalRequest.objects.filter(transaction__agent__in=agents)
