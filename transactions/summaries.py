"""What the pages read besides the transactions themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncHour

from accounts.models import User
from transactions.core.outcome import Outcome
from transactions.models import Budget, Transaction
from transactions.queries import transactions_visible_to

HOURS_SHOWN = 24


@dataclass(frozen=True, slots=True)
class Hour:
    """How many requests of one hour ended in which outcome."""

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


def budget_of(transaction: Transaction) -> Budget | None:
    """Return the agent's pot for the day that a transaction counts on, in 1 query."""
    return Budget.objects.filter(
        agent_id=transaction.agent_id,
        currency=transaction.currency,
        window_start=transaction.occurred_at.date(),
    ).first()


def decisions_by_hour(user: User, *, now: datetime) -> list[Hour]:
    """Return the last 24 hours in a person's scope, empty ones too, in 1 query.

    Live agents only, by the hour (UTC) of the request; the newest hour comes last.
    """
    newest = now.replace(minute=0, second=0, microsecond=0)
    starts = [newest - timedelta(hours=back) for back in range(HOURS_SHOWN)][::-1]
    counted = dict(_counts(user, since=starts[0]))
    return [Hour(start, **counted.get(start, {})) for start in starts]


def _counts(
    user: User, *, since: datetime
) -> Iterator[tuple[datetime, dict[str, int]]]:
    names = [outcome.value for outcome in Outcome]
    rows = (
        transactions_visible_to(user)
        .filter(created_at__gte=since, agent__mode="live")
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
    """Return up to `size` + 1 visible transactions, newest first, older than one.

    `filters` are status, outcome and agent; `before` is the id of the last row of
    the page above, or "". Never counts and never skips rows: at most 2 queries
    whatever the depth. The row beyond `size` only tells that there are more.
    """
    found = transactions_visible_to(user).select_related(
        "agent", "decision", "approval"
    )
    names = {"status": "status", "outcome": "decision__outcome", "agent": "agent_id"}
    for name, value in filters.items():
        found = found.filter(**{names[name]: value})
    if before:
        found = _older(found, before)
    return list(found[: size + 1])


def _older(found: QuerySet[Transaction], before: str) -> QuerySet[Transaction]:
    last = found.filter(pk=before).values_list("created_at", flat=True).first()
    if last is None:
        return found.none()
    return found.filter(Q(created_at__lt=last) | Q(created_at=last, pk__lt=before))
