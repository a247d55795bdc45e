"""Waiting requests in a person's scope: how many, who may decide, the worst first.

All figures about waiting requests, and the lists they link to, come from waiting_for().
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from django.db.models import Case, Q, QuerySet, Sum, Value, When
from django.utils import timezone

from accounts.core.roles import ADMIN
from accounts.models import User
from agents.models import Agent, PolicyVersion
from agents.policy.core.approval_levels import ROLES
from transactions.approvals.core.danger import Worst, worst_of
from transactions.approvals.core.imitation import (
    LISTED,
    WAITS,
    Known,
    imitated,
    known_names,
    look_of,
)
from transactions.approvals.models import ApprovalRequest
from transactions.approvals.queries.approvals import approval_queue, in_queue_of
from transactions.approvers.models import ApprovalDelegation
from transactions.approvers.queries import capacities_of
from transactions.approvers.scope import agents_in_scope
from transactions.risk.models import MerchantActivity
from transactions.spending.models import Transaction

# Limits of the names with which a merchant's name is compared.
NAMES_MAX = 5_000
POLICIES_MAX = 200


@dataclass(frozen=True, slots=True)
class Waiting:
    """The ids of the waiting requests in a person's scope, and of two subsets.

    `rows` holds what worst_first() reads: id, expiry, merchant, findings.
    """

    all: frozenset[str]
    own: frozenset[str]
    undecidable: frozenset[str]
    rows: tuple[tuple[str, datetime, str, Any], ...]
    agents: QuerySet[Agent]

    def part(self, name: str) -> frozenset[str]:
        """Return a subset by name: "all", "nobody" (can decide) or the person's own."""
        return {"all": self.all, "nobody": self.undecidable}.get(name, self.own)


def waiting_for(person: User, *, now: datetime, mode: str = Agent.Mode.LIVE) -> Waiting:
    """Return the waiting requests in a person's scope, of live or of test agents.

    Usually 4 queries. If the person may not decide on all, some more for each other
    person whose queue is checked.
    """
    capacities = capacities_of(person, now=now)
    agents = agents_in_scope(person, capacities).filter(mode=mode)
    theirs = When(in_queue_of(person, capacities, now=now), then=Value(value=True))
    scope = ApprovalRequest.objects.filter(transaction__agent__in=agents)
    rows = list(
        _open(scope, now)
        .annotate(is_own=Case(theirs, default=Value(value=False)))
        .values_list(
            "is_own",
            "pk",
            "expires_at",
            "transaction__merchant",
            "transaction__decision__findings",
        )
    )
    own = frozenset(row[1] for row in rows if row[0])
    others = [row[1] for row in rows if not row[0]]
    return Waiting(
        all=own.union(others),
        own=own,
        undecidable=nobody_decides(others, now=now),
        rows=tuple(row[1:] for row in rows),
        agents=agents,
    )


def nobody_decides(
    ids: Iterable[str], *, now: datetime, first: User | None = None
) -> frozenset[str]:
    """Return those of the approval requests that wait and are in nobody's queue.

    Checks the queues of people one by one, `first` and then administrators first, until
    every request is in a queue: usually one or two people.
    """
    left = set(ids)
    if first and left:
        left -= _in_queue(first, left, now)
    if left:
        waiting = _open(ApprovalRequest.objects.filter(pk__in=left), now)
        left = set(waiting.values_list("pk", flat=True))
    for person in _possible_deciders(left, now) if left else ():
        if not left:
            break
        left -= _in_queue(person, left, now)
    return frozenset(left)


def _in_queue(person: User, ids: set[str], now: datetime) -> set[str]:
    theirs = approval_queue(person, now=now).filter(pk__in=ids)
    return set(theirs.values_list("pk", flat=True))


def waits_for_nobody(approval: ApprovalRequest) -> bool:
    """Return whether a request waits and nobody can decide on it, as in the lists."""
    return bool(nobody_decides([approval.pk], now=timezone.now()))


@dataclass(frozen=True, slots=True)
class Held:
    """A line in a list of waiting requests: the worst reason, and an imitated name."""

    id: str
    worst: Worst
    imitated: str


def worst_first(waiting: Waiting, part: str) -> list[Held]:
    """Return waiting requests, the worst first, then those that expire first.

    Always 2 queries. Names are compared with those in the person's scope.
    """
    names = [merchant for _, _, merchant, _ in waiting.rows]
    known = _compared_names(names, waiting.agents, waiting=names)
    held = [
        (expires_at, _held(approval_id, merchant, findings, known))
        for approval_id, expires_at, merchant, findings in waiting.rows
        if approval_id in waiting.part(part)
    ]
    held.sort(key=lambda each: (each[1].worst.place, each[0], each[1].id))
    return [each for _, each in held]


def imitated_by(row: Transaction, person: User, *, now: datetime) -> str:
    """Return the merchant in a person's scope that a transaction's merchant imitates.

    Returns "" if it imitates nothing. Same result as in worst_first(). 4 queries.
    """
    agents = agents_in_scope(person, capacities_of(person, now=now))
    pending = Transaction.objects.filter(
        agent__in=agents, status=Transaction.Status.PENDING_APPROVAL
    )
    names = pending.order_by("merchant").values_list("merchant", flat=True).distinct()
    known = _compared_names([row.merchant], agents, waiting=names[:NAMES_MAX])
    return imitated(row.merchant, known)


def _held(approval_id: str, merchant: str, findings: Any, known: Known) -> Held:
    other = imitated(merchant, known)
    worst = worst_of((finding["code"] for finding in findings), imitated=other)
    return Held(approval_id, worst, other)


def _open(
    approvals: QuerySet[ApprovalRequest], now: datetime
) -> QuerySet[ApprovalRequest]:
    waiting = ApprovalRequest.Status.WAITING
    return approvals.filter(status=waiting, expires_at__gt=now)


def _possible_deciders(ids: Collection[str], now: datetime) -> QuerySet[User]:
    """Return people who may be able to decide; their queues show whether they are.

    These are administrators, managers of the owners' teams, the owners, and delegates.
    """
    owners = User.objects.filter(agents__transactions__approval__in=ids)
    delegates = ApprovalDelegation.objects.filter(ends_at__gt=now).values("delegate")
    near = (
        Q(role=ADMIN)
        | Q(team__in=owners.exclude(team=None).values("team"))
        | Q(pk__in=owners.values("pk"))
        | Q(pk__in=delegates)
    )
    people = User.objects.filter(near, is_active=True, role__in=ROLES)
    return people.order_by("role", "pk")


def _compared_names(
    merchants: Iterable[str], agents: QuerySet[Agent], *, waiting: Iterable[str]
) -> Known:
    """Return the names with which these merchants are compared: 2 queries.

    They come from waiting requests, from the agents' past and from their policies.
    """
    looks = frozenset(map(look_of, merchants))
    if not looks:
        return {}
    names = chain(((name, WAITS) for name in waiting), _names(looks, agents))
    return known_names(names, looks=looks)


def _names(looks: frozenset[str], agents: QuerySet[Agent]) -> Iterator[tuple[str, int]]:
    policies = PolicyVersion.objects.filter(
        pk__in=agents.values("policy_version"),
        document__allowed_merchants__0__isnull=False,
    ).order_by("-created_at")
    lists = policies.values_list("document__allowed_merchants", flat=True)
    for listed in lists[:POLICIES_MAX]:
        yield from ((name, LISTED) for name in listed)
    paid = MerchantActivity.objects.filter(
        agent__in=agents, skeleton__in=looks, allowed_count__gt=0
    )
    times = paid.values("merchant_key").annotate(times=Sum("allowed_count"))
    for row in times.order_by("-times", "merchant_key")[:NAMES_MAX]:
        yield row["merchant_key"], row["times"]
