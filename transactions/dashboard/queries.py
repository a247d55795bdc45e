"""Figures of the dashboard, and pages of transactions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncHour
from django.utils import timezone

from accounts.models import User
from agents.models import Agent
from agents.queries import agents_visible_to
from audit.base.errors import NotFound
from security.locks.queries import live_locks
from transactions.approvals.queries.waiting import Waiting, waiting_for
from transactions.decisions.core.outcome import Outcome
from transactions.spending.models import Transaction
from transactions.spending.queries.reading import transactions_visible_to


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The figures of a person's dashboard."""

    outcomes: Mapping[str, int]
    waiting: Waiting
    agents: int
    spent_minor: Mapping[str, int]


def dashboard_for(
    user: User, *, since: datetime, mode: str = Agent.Mode.LIVE
) -> Dashboard:
    """Return the counts of live agents, or of test agents, since an instant.

    Spending is what limits count: reserved or captured, in minor units per currency.
    Held requests are reserved; released money does not count. Waiting requests come
    from waiting_for().
    """
    visible = transactions_visible_to(user).filter(
        created_at__gte=since, agent__mode=mode
    )
    outcomes = visible.values_list("decision__outcome").annotate(Count("pk"))
    counted = F("reservation__amount_minor") - F("reservation__released_minor")
    taken_late = F("reservation__late_minor") - F("reservation__reversed_minor")
    spent = (
        visible.filter(reservation__isnull=False)
        .values_list("currency")
        .annotate(minor=Sum(counted + taken_late))
    )
    working = agents_visible_to(user).filter(
        is_active=True, owner__is_active=True, mode=mode
    )
    locked = live_locks("agent").values("target_id")
    return Dashboard(
        outcomes=dict(outcomes.order_by()),
        waiting=waiting_for(user, now=timezone.now(), mode=mode),
        agents=working.exclude(pk__in=locked).count(),
        spent_minor=dict(spent.order_by()),
    )


HOURS_SHOWN = 24


@dataclass(frozen=True, slots=True)
class Hour:
    """The number of requests per outcome in one hour."""

    start: datetime
    allow: int = 0
    hold: int = 0
    deny: int = 0

    @property
    def outcomes(self) -> dict[str, int]:
        return {"allow": self.allow, "hold": self.hold, "deny": self.deny}

    @property
    def total(self) -> int:
        return sum(self.outcomes.values())


def decisions_by_hour(
    user: User, *, now: datetime, mode: str = Agent.Mode.LIVE
) -> list[Hour]:
    """Return the last 24 hours in a person's scope, empty ones included. 1 query.

    For live or for test agents, by the hour (UTC) of the request, the newest last.
    """
    newest = now.replace(minute=0, second=0, microsecond=0)
    starts = [newest - timedelta(hours=back) for back in range(HOURS_SHOWN)][::-1]
    counted = dict(_counts(user, since=starts[0], mode=mode))
    return [Hour(start, **counted.get(start, {})) for start in starts]


def _counts(
    user: User, *, since: datetime, mode: str
) -> Iterator[tuple[datetime, dict[str, int]]]:
    names = [outcome.value for outcome in Outcome]
    rows = (
        transactions_visible_to(user)
        .filter(created_at__gte=since, agent__mode=mode)
        .annotate(hour=TruncHour("created_at"))
        .values_list("hour")
        .annotate(
            **{name: Count("pk", filter=Q(decision__outcome=name)) for name in names}
        )
        .order_by("hour")
    )
    for start, *counts in rows:
        yield start, dict(zip(names, counts, strict=True))


def page_of_transactions(
    user: User, *, filters: Mapping[str, str], before: str, size: int
) -> list[Transaction]:
    """Return up to `size` + 1 visible transactions, the newest first.

    `filters` are status, outcome, agent and mode. `before` is the id of the last row of
    the previous page, or "". No counting and no OFFSET: at most 2 queries on any page.
    The row beyond `size` only shows that there are more. Raises NotFound if `before` is
    not a visible transaction.
    """
    found = transactions_visible_to(user).select_related(
        "agent", "decision", "approval"
    )
    names = {
        "status": "status",
        "outcome": "decision__outcome",
        "agent": "agent_id",
        "mode": "agent__mode",
    }
    for name, value in filters.items():
        found = found.filter(**{names[name]: value})
    if before:
        found = _older(found, before, user)
    return list(found[: size + 1])


def _older(
    found: QuerySet[Transaction], before: str, user: User
) -> QuerySet[Transaction]:
    # Search all visible rows: its status may no longer match the filter.
    seen = transactions_visible_to(user).filter(pk=before)
    last = seen.values_list("created_at", flat=True).first()
    if last is None:
        raise NotFound
    return found.filter(Q(created_at__lt=last) | Q(created_at=last, pk__lt=before))
