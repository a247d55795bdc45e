"""Approval requests: the queue of a person, ETags, progress and votes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from audit.base.errors import DomainError, NotFound
from transactions.approvals.models import ApprovalRequest, ApprovalVote
from transactions.approvers.queries import (
    ApprovalContext,
    Capacity,
    approval_context,
    best_capacity,
    capacities_of,
    counting_votes,
    decidable_by,
    has_voted,
    people_counted,
)
from transactions.approvers.scope import approvals_in_scope
from transactions.budgets.queries.budgets import Level
from transactions.decisions.core.digest import digest
from transactions.errors import AboveOwnLimit, AlreadyApproved

WAITING = ApprovalRequest.Status.WAITING


def approval_queue(user: User, *, now: datetime) -> QuerySet[ApprovalRequest]:
    """Return the requests that wait for this person, those that expire first on top.

    Only those that they may decide, in their own right or by delegation, and have not
    yet approved. Votes are prefetched with 1 more query.
    """
    theirs = in_queue_of(user, capacities_of(user, now=now), now=now)
    waiting = ApprovalRequest.objects.filter(theirs, status=WAITING, expires_at__gt=now)
    return with_votes(with_details(waiting)).order_by("expires_at", "id")


def in_queue_of(user: User, capacities: Iterable[Capacity], *, now: datetime) -> Q:
    """Return the condition for approval requests in a person's queue."""
    decidable = Q(pk__in=[])
    for capacity in capacities:
        decidable |= decidable_by(capacity, now=now)
    own_votes = ApprovalVote.objects.filter(
        approval=OuterRef("pk"),
        person=user.pk,
        policy_version=OuterRef("transaction__agent__policy_version"),
    )
    return decidable & ~Q(Exists(own_votes))


def approval_for(user: User, approval_id: str) -> ApprovalRequest:
    """Return one approval request, which may be resolved already.

    Raises NotFound, also if the person may not see the request.
    """
    found = approvals_in_scope(user, now=timezone.now()).filter(pk=approval_id)
    approval = with_details(found).first()
    if approval is None:
        raise NotFound
    return approval


def with_details(
    approvals: QuerySet[ApprovalRequest],
) -> QuerySet[ApprovalRequest]:
    """Load what pages show and etag_of() reads, within the same query."""
    return approvals.select_related(
        "transaction__agent__owner",
        "transaction__agent__policy_version",
        "transaction__credential",
        "transaction__decision__policy_version",
        "resolved_by",
    ).defer(
        "transaction__credential__secret_hash",
        "transaction__credential__signing_secret",
    )


def with_votes(approvals: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
    """Load `approval.votes` for representation.approvals_given() with 1 more query."""
    votes = ApprovalVote.objects.select_related("person", "delegation__delegator")
    return approvals.prefetch_related(Prefetch("votes", votes))


def etag_of(approval: ApprovalRequest) -> str:
    """Return the digest that a verdict must quote: of action, state and policy.

    It also covers the risk, the reasons and the history that were shown, so nobody
    approves what they did not see. It does not change with another person's vote, so
    two people who approve at the same time both count. No queries if the approval was
    loaded by this module.
    """
    agent, decision = approval.transaction.agent, approval.transaction.decision
    judged = [decision.risk_bp, decision.risk_factors_bp, decision.findings]
    history = decision.inputs["facts"]["merchant"]
    return digest(
        [
            *(approval.action_digest, approval.status, agent.policy_version_id),
            *(judged, history),
        ]
    )


def page_digest(approval: ApprovalRequest, levels: Iterable[Level]) -> str:
    """Return a digest of etag_of() and of the use of each limit that the page shows."""
    used = [[one.label, one.limit, one.used, one.currency] for one in levels]
    return digest([etag_of(approval), used])


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a waiting approval request, and what a person may do with it."""

    least_role: str
    has_escalated: bool
    votes: tuple[ApprovalVote, ...]
    void_votes: tuple[ApprovalVote, ...]
    given: int
    missing: int
    capacity: Capacity | None
    refusal: DomainError | None

    @property
    def may_deny(self) -> bool:
        return self.capacity is not None

    @property
    def may_approve(self) -> bool:
        return self.refusal is None


def progress_of(approval: ApprovalRequest, person: User, *, now: datetime) -> Progress:
    """Return the progress of a waiting approval request, by the rules of approve().

    `refusal` is the reason why the person may not approve it; they may deny it if they
    have a capacity. A few queries for each vote.
    """
    context = approval_context(approval, now=now)
    votes = approval_votes(approval)
    counted = counting_votes(votes, context)
    capacity, refusal = _right_to_decide(person, context, now=now)
    if capacity and refusal is None and has_voted(capacity, counted):
        refusal = AlreadyApproved()
    given = people_counted(counted)
    return Progress(
        least_role=context.least_role,
        has_escalated=context.least_role != approval.required_role,
        votes=tuple(counted),
        void_votes=tuple(vote for vote in votes if vote not in counted),
        given=given,
        missing=max(approval.required_approvals - given, 0),
        capacity=capacity,
        refusal=refusal,
    )


def _right_to_decide(
    person: User, context: ApprovalContext, *, now: datetime
) -> tuple[Capacity | None, DomainError | None]:
    """Return the capacity in which a person decides, and why they may not approve."""
    capacities = capacities_of(person, now=now)
    try:
        return best_capacity(capacities, context), None
    except AboveOwnLimit as refusal:  # They may still deny.
        return best_capacity(capacities, context, is_denial=True), refusal
    except DomainError as refusal:
        return None, refusal


def approval_votes(approval: ApprovalRequest) -> list[ApprovalVote]:
    """Return all votes on one request, also those under older policies, in 1 query."""
    votes = ApprovalVote.objects.filter(approval=approval)
    return list(votes.select_related("person", "delegation__delegator"))
