"""Who may decide on a held transaction, in their own right or in another's place."""

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
from agents.core.approval_levels import ROLES, has_role, next_role
from agents.makers import makers_of
from agents.models import AgentCredential, AgentHandOver, PolicyVersion
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
# What of a transaction somebody made that lets it pass.
MADE = ("agent", "credential", "agent__policy_version", "decision__policy_version")


@dataclass(frozen=True)
class Capacity:
    """In whose right a person decides: their own, or of whoever delegated it."""

    person: User
    delegation: ApprovalDelegation | None = None
    vote: ApprovalVote | None = None

    @property
    def holder(self) -> User:
        """Whose role, scope and limit count."""
        return self.delegation.delegator if self.delegation else self.person

    @property
    def on_behalf_of(self) -> User | None:
        return self.delegation.delegator if self.delegation else None

    @cached_property
    def humans(self) -> frozenset[str]:
        """Whose word it is: both of theirs, and of who spoke through their accounts.

        As humans_of() has it, 1 query; 1 more each for a delegation and a vote.
        """
        spoke: list[User] = []
        if self.delegation:
            given = ApprovalDelegation.objects.filter(pk=self.delegation.pk)
            spoke += speakers_of(given, "delegator")
        if self.vote:
            spoke += speakers_of(ApprovalVote.objects.filter(pk=self.vote.pk), "person")
        return humans_of(self.person, self.holder, *spoke)


@dataclass(frozen=True, slots=True)
class Matter:
    """What is to be decided, and who is kept from it: see matter_of()."""

    approval: ApprovalRequest
    row: Transaction
    owner_id: str
    policy_version_id: str | None
    involved: frozenset[str]
    least_role: str


def matter_of(approval: ApprovalRequest, *, now: datetime) -> Matter:
    """Return who is kept from deciding, as things stand: 2 queries.

    `approval.transaction` has its agent and credential. Owner, creator and who issued
    the credential that asked are involved: they could have asked themselves. So is who
    owned the agent before or asked to hand it over, who asked for the policy, of then
    and of now, that lets it pass (C15), and who could speak through any of these
    accounts then. Nobody is in an installation that one person runs.
    """
    row = approval.transaction
    agent = row.agent
    held_under = Decision.objects.filter(transaction=row)
    policies = PolicyVersion.objects.filter(
        Q(pk=agent.policy_version_id) | Q(pk__in=held_under.values("policy_version"))
    )
    credentials = AgentCredential.objects.filter(pk=row.credential_id)
    return Matter(
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
    """Tell whether a person approves anything: the right, and no stop button."""
    return person.has_perm(APPROVE) and not live_locks("user", person.pk).exists()


def why_not(
    capacity: Capacity, matter: Matter, *, least_role: str, is_denial: bool = False
) -> DomainError | None:
    """Return what keeps a capacity from deciding, None if nothing does.

    A limit of one's own keeps nobody from refusing. Up to 6 queries.
    """
    holder = capacity.holder
    if not all(map(may_approve, {capacity.person, holder})):
        return NotAllowedToApprove("You may not approve transactions.")
    if not owners_visible_to(holder).filter(pk=matter.owner_id).exists():
        return NotFound()
    if capacity.humans & matter.involved:
        return NotAllowedToApprove()
    if not has_role(holder.role, least_role):
        return LevelAboveRole()
    if not is_denial and not _is_within_limit(holder, matter.row):
        return AboveOwnLimit()
    return None


def best_capacity(
    capacities: Iterable[Capacity], matter: Matter, *, is_denial: bool = False
) -> Capacity:
    """Return the first capacity that may decide, or raise why none may.

    Of several refusals the first that tells more than that there is nothing.
    """
    refusals: list[DomainError] = []
    for capacity in capacities:
        refusal = why_not(
            capacity, matter, least_role=matter.least_role, is_denial=is_denial
        )
        if refusal is None:
            return capacity
        refusals.append(refusal)
    telling = [error for error in refusals if not isinstance(error, NotFound)]
    raise (telling or refusals)[0]


def live_delegations_to(person: User, *, now: datetime) -> QuerySet[ApprovalDelegation]:
    """Return what was delegated to a person and holds now, the oldest first.

    Nothing from or to somebody who has changed teams since.
    """
    return ApprovalDelegation.objects.filter(
        _is_where_they_were("delegator"),
        _is_where_they_were("delegate"),
        delegate=person,
        revoked_at=None,
        starts_at__lte=now,
        ends_at__gt=now,
    ).order_by("created_at", "id")


def _is_where_they_were(who: str) -> Q:
    in_none = Q(**{f"{who}__team": None, f"{who}_team": None})
    return in_none | Q(**{f"{who}__team": F(f"{who}_team")})


def capacities_of(person: User, *, now: datetime) -> list[Capacity]:
    """Return in whose rights a person may decide now, their own first: 1 query."""
    delegations = live_delegations_to(person, now=now).select_related("delegator")
    return [Capacity(person), *(Capacity(person, one) for one in delegations)]


def delegations_of(person: User) -> QuerySet[ApprovalDelegation]:
    """Return what a person delegated and was delegated, the newest first.

    An admin's right to see everything is the console's.
    """
    return ApprovalDelegation.objects.filter(
        Q(delegator=person) | Q(delegate=person)
    ).select_related("delegator", "delegate", "revoked_by")


def possible_delegates(person: User) -> QuerySet[User]:
    """Return whom a person may ask to decide for them: others who approve at all.

    Of any team, for many a team has but one: such people alone need a second factor
    and have an approvals page. By name only; who they are is no secret among them.
    """
    others = User.objects.exclude(pk__in=accounts_of(humans_of(person)))
    return others.filter(is_active=True, role__in=ROLES)


def counting_votes(votes: Iterable[ApprovalVote], matter: Matter) -> list[ApprovalVote]:
    """Return the votes that count now: of this action and policy, by who still may.

    Judged as the vote was: by the role that was asked for then. Who gave it in
    another's place needs that delegation not to have been revoked since.
    """
    return [
        vote
        for vote in votes
        if vote.policy_version_id == matter.policy_version_id
        and vote.action_digest == matter.approval.action_digest
        and (vote.delegation is None or vote.delegation.revoked_at is None)
        and not why_not(capacity_of_vote(vote), matter, least_role=vote.required_role)
    ]


def capacity_of_vote(vote: ApprovalVote) -> Capacity:
    """Return in whose right a vote was given."""
    return Capacity(vote.person, vote.delegation, vote)


def has_spoken(capacity: Capacity, votes: Iterable[ApprovalVote]) -> bool:
    """Tell whether any of these votes is by the person, or whom they decide for."""
    return any(capacity_of_vote(vote).humans & capacity.humans for vote in votes)


def people_counted(votes: Iterable[ApprovalVote]) -> int:
    """Return how many people these votes are of."""
    return count_people(capacity_of_vote(vote).humans for vote in votes)


def decidable_by(capacity: Capacity, *, now: datetime) -> Q:
    """Return which waiting approval requests a capacity may decide on, as why_not()."""
    holder = capacity.holder
    if not all(map(may_approve, {capacity.person, holder})):
        return Q(pk__in=[])
    visible = Q(transaction__agent__in=agents_visible_to(holder))
    able = visible & _within_role(holder, now) & _within_limit(holder)
    return able & ~_involving(capacity) if settings.FOUR_EYES else able


def _involving(capacity: Capacity) -> Q:
    """Return the requests that matter_of() keeps a capacity from."""
    own = (
        accounts_of(capacity.humans)
        if capacity.delegation
        else own_accounts(capacity.person)
    )
    involving = Q(transaction__agent__owner__in=own)
    for made in MADE:
        by, at = f"transaction__{made}__created_by", f"transaction__{made}__created_at"
        involving |= Q(**{f"{by}__in": own}) | spoken_by(own, by, at)
    asked = Q(created_by__in=own) | spoken_by(own, "created_by", "created_at")
    handed_over = AgentHandOver.objects.filter(Q(from_owner__in=own) | asked)
    return involving | Q(transaction__agent__in=handed_over.values("agent"))


def _within_role(holder: User, now: datetime) -> Q:
    def least(role: str, *, has_escalated: bool) -> bool:
        asked = next_role(role) if has_escalated else None
        return has_role(holder.role, asked or role)

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
