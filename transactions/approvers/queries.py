"""Rules for deciding on held transactions, in one's own right or by delegation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts.models import User
from accounts.queries import (
    accounts_of,
    humans_of,
    own_accounts,
    owners_visible_to,
    speakers_of,
    spoken_by,
)
from agents.makers import makers_of
from agents.models import AgentCredential, AgentHandOver, PolicyVersion
from agents.policy.core.approval_levels import ROLES, has_role, next_role
from agents.queries import agents_visible_to
from audit.base.errors import DomainError, NotFound
from security.locks.queries import live_locks
from transactions.approvals.models import ApprovalRequest, ApprovalVote
from transactions.approvers.core.levels import count_people, role_now
from transactions.approvers.models import ApprovalDelegation, ApproverLimit
from transactions.decisions.models import Decision
from transactions.errors import AboveOwnLimit, LevelAboveRole, NotAllowedToApprove
from transactions.spending.models import Transaction

APPROVE = "transactions.approve_transaction"
# Relations of a transaction whose creators are involved in it.
CREATED_RELATIONS = (
    "agent",
    "credential",
    "agent__policy_version",
    "decision__policy_version",
)


@dataclass(frozen=True)
class Capacity:
    """The right in which a person decides: their own, or that of a delegator."""

    person: User
    delegation: ApprovalDelegation | None = None
    vote: ApprovalVote | None = None

    @property
    def holder(self) -> User:
        """The person whose role, scope and limit count."""
        return self.delegation.delegator if self.delegation else self.person

    @property
    def on_behalf_of(self) -> User | None:
        return self.delegation.delegator if self.delegation else None

    @cached_property
    def humans(self) -> frozenset[str]:
        """The humans who decide: both people, and any who used their accounts.

        See humans_of(): 1 query, and 1 more each for a delegation and a vote.
        """
        spoke: list[User] = []
        if self.delegation:
            given = ApprovalDelegation.objects.filter(pk=self.delegation.pk)
            spoke += speakers_of(given, "delegator")
        if self.vote:
            spoke += speakers_of(ApprovalVote.objects.filter(pk=self.vote.pk), "person")
        return humans_of(self.person, self.holder, *spoke)


@dataclass(frozen=True, slots=True)
class ApprovalContext:
    """A request to decide on, and the people who may not: see approval_context()."""

    approval: ApprovalRequest
    row: Transaction
    owner_id: str
    policy_version_id: str | None
    involved: frozenset[str]
    least_role: str


def approval_context(approval: ApprovalRequest, *, now: datetime) -> ApprovalContext:
    """Return the present context of a decision: 2 queries.

    `approval.transaction` must have its agent and credential loaded. Involved people
    may not decide (C15): the agent's owner and creator and the issuer of the requesting
    credential, because they could have made the request themselves; also former owners,
    the person who asked for a hand-over, those who asked for the policy in force then
    or now, and anybody who could use one of these accounts at that time. Without
    settings.FOUR_EYES (an installation run by one person) nobody is involved.
    """
    row = approval.transaction
    agent = row.agent
    held_under = Decision.objects.filter(transaction=row)
    policies = PolicyVersion.objects.filter(
        Q(pk=agent.policy_version_id) | Q(pk__in=held_under.values("policy_version"))
    )
    credentials = AgentCredential.objects.filter(pk=row.credential_id)
    return ApprovalContext(
        approval=approval,
        row=row,
        owner_id=agent.owner_id,
        policy_version_id=agent.policy_version_id,
        involved=makers_of(agent.pk, credentials=credentials, policies=policies)
        if settings.FOUR_EYES
        else frozenset(),
        least_role=role_now(approval.required_role, approval.escalates_at, now),
    )


def may_approve(person: User) -> bool:
    """Return whether a person may approve at all: has the permission, is not locked."""
    return person.has_perm(APPROVE) and not live_locks("user", person.pk).exists()


def refusal_for(
    capacity: Capacity,
    context: ApprovalContext,
    *,
    least_role: str,
    is_denial: bool = False,
) -> DomainError | None:
    """Return the error that keeps a capacity from deciding, or None.

    A personal limit does not prevent a denial. Up to 6 queries.
    """
    holder = capacity.holder
    if not all(map(may_approve, {capacity.person, holder})):
        return NotAllowedToApprove("You may not approve transactions.")
    if not owners_visible_to(holder).filter(pk=context.owner_id).exists():
        return NotFound()
    if capacity.humans & context.involved:
        return NotAllowedToApprove()
    if not has_role(holder.role, least_role):
        return LevelAboveRole()
    if not is_denial and not _is_within_limit(holder, context.row):
        return AboveOwnLimit()
    return None


def best_capacity(
    capacities: Iterable[Capacity], context: ApprovalContext, *, is_denial: bool = False
) -> Capacity:
    """Return the first capacity that may decide, or raise the reason why none may.

    Of several reasons, raises the first that is more specific than NotFound.
    """
    refusals: list[DomainError] = []
    for capacity in capacities:
        refusal = refusal_for(
            capacity, context, least_role=context.least_role, is_denial=is_denial
        )
        if refusal is None:
            return capacity
        refusals.append(refusal)
    specific = [error for error in refusals if not isinstance(error, NotFound)]
    raise (specific or refusals)[0]


def live_delegations_to(person: User, *, now: datetime) -> QuerySet[ApprovalDelegation]:
    """Return the delegations to a person that are valid now, the oldest first.

    A delegation is not valid if either person has changed teams since.
    """
    return ApprovalDelegation.objects.filter(
        _has_same_team("delegator"),
        _has_same_team("delegate"),
        delegate=person,
        revoked_at=None,
        starts_at__lte=now,
        ends_at__gt=now,
    ).order_by("created_at", "id")


def _has_same_team(role: str) -> Q:
    in_none = Q(**{f"{role}__team": None, f"{role}_team": None})
    return in_none | Q(**{f"{role}__team": F(f"{role}_team")})


def capacities_of(person: User, *, now: datetime) -> list[Capacity]:
    """Return the capacities in which a person may decide now, own first: 1 query."""
    delegations = live_delegations_to(person, now=now).select_related("delegator")
    return [Capacity(person), *(Capacity(person, one) for one in delegations)]


def delegations_of(person: User) -> QuerySet[ApprovalDelegation]:
    """Return the delegations from and to a person, the newest first.

    Also for admins, who can see all delegations in the console.
    """
    return ApprovalDelegation.objects.filter(
        Q(delegator=person) | Q(delegate=person)
    ).select_related("delegator", "delegate", "revoked_by")


def possible_delegates(person: User) -> QuerySet[User]:
    """Return the people to whom a person may delegate: others with an approver role.

    They may be in any team, because many teams have only one approver. Only approvers
    need a second factor and have an approvals page. Pages show only their names, which
    all approvers may know.
    """
    others = User.objects.exclude(pk__in=accounts_of(humans_of(person)))
    return others.filter(is_active=True, role__in=ROLES)


def counting_votes(
    votes: Iterable[ApprovalVote], context: ApprovalContext
) -> list[ApprovalVote]:
    """Return the votes that count now: on this action and policy, by rightful voters.

    A voter must still have the role that was required when the vote was given. A vote
    by delegation does not count if the delegation was revoked since.
    """
    return [
        vote
        for vote in votes
        if vote.policy_version_id == context.policy_version_id
        and vote.action_digest == context.approval.action_digest
        and (vote.delegation is None or vote.delegation.revoked_at is None)
        and not refusal_for(
            capacity_of_vote(vote), context, least_role=vote.required_role
        )
    ]


def capacity_of_vote(vote: ApprovalVote) -> Capacity:
    """Return the capacity in which a vote was given."""
    return Capacity(vote.person, vote.delegation, vote)


def has_voted(capacity: Capacity, votes: Iterable[ApprovalVote]) -> bool:
    """Return whether one of the votes is by the person or their delegator."""
    return any(capacity_of_vote(vote).humans & capacity.humans for vote in votes)


def people_counted(votes: Iterable[ApprovalVote]) -> int:
    """Return how many different people gave these votes."""
    return count_people(capacity_of_vote(vote).humans for vote in votes)


def decidable_by(capacity: Capacity, *, now: datetime) -> Q:
    """Return the condition for requests for which refusal_for() is None."""
    holder = capacity.holder
    if not all(map(may_approve, {capacity.person, holder})):
        return Q(pk__in=[])
    visible = Q(transaction__agent__in=agents_visible_to(holder))
    able = visible & _within_role(holder, now) & _within_limit(holder)
    return able & ~_involving(capacity) if settings.FOUR_EYES else able


def _involving(capacity: Capacity) -> Q:
    """Return the condition for requests in which a capacity's people are involved."""
    own = (
        accounts_of(capacity.humans)
        if capacity.delegation
        else own_accounts(capacity.person)
    )
    involving = Q(transaction__agent__owner__in=own)
    for made in CREATED_RELATIONS:
        by, at = f"transaction__{made}__created_by", f"transaction__{made}__created_at"
        involving |= Q(**{f"{by}__in": own}) | spoken_by(own, by, at)
    asked = Q(created_by__in=own) | spoken_by(own, "created_by", "created_at")
    handed_over = AgentHandOver.objects.filter(Q(from_owner__in=own) | asked)
    return involving | Q(transaction__agent__in=handed_over.values("agent"))


def _within_role(holder: User, now: datetime) -> Q:
    def least(role: str, *, has_escalated: bool) -> bool:
        escalated = next_role(role) if has_escalated else None
        return has_role(holder.role, escalated or role)

    before = [role for role in ROLES if least(role, has_escalated=False)]
    after = [role for role in ROLES if least(role, has_escalated=True)]
    has_escalated = Q(escalates_at__isnull=False, escalates_at__lte=now)
    return (~has_escalated & Q(required_role__in=before)) | (
        has_escalated & Q(required_role__in=after)
    )


def _within_limit(holder: User) -> Q:
    limits = ApproverLimit.objects.filter(pk=holder.pk)
    reaching = limits.filter(
        currency=OuterRef("transaction__currency"),
        amount_minor__gte=OuterRef("transaction__amount_minor"),
    )
    return ~Q(Exists(limits)) | Q(Exists(reaching))


def _is_within_limit(holder: User, row: Transaction) -> bool:
    limit = ApproverLimit.objects.filter(pk=holder.pk).first()
    return limit is None or (
        row.currency == limit.currency and row.amount_minor <= limit.amount_minor
    )
