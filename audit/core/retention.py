"""Which months of the log may go, and which absences that explains."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# Nothing younger is ever retired, whatever an event about it says.
AGE_MIN = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Retirement:
    """What an event `audit.retired` says: those of [start, end) went at an instant."""

    start: datetime
    end: datetime
    at: datetime


def retirement_of(details: object, *, at: datetime) -> Retirement | None:
    """Read the details of an event `audit.retired`; None for what says nothing."""
    given = details if isinstance(details, dict) else {}
    try:
        start, end = (datetime.fromisoformat(given[key]) for key in ("from", "until"))
    except (KeyError, TypeError, ValueError):
        return None
    if start.tzinfo is None or end.tzinfo is None:
        return None
    return Retirement(start, end, at)


def month_of(partition: str) -> datetime:
    """Return the beginning of a partition's month, from its name's end (2026_11)."""
    year, month = partition[-7:].split("_")
    return datetime(int(year), int(month), 1, tzinfo=UTC)


def next_month(start: datetime) -> datetime:
    """Return the beginning of the month after one that begins then."""
    return (start + timedelta(days=32)).replace(day=1)


def is_old_enough(end: datetime, *, now: datetime) -> bool:
    """Return whether a month that ended then may be retired."""
    return end + AGE_MIN <= now


def is_explained(occurred_at: datetime, retirements: Iterable[Retirement]) -> bool:
    """Return whether an event of that time is missing because it was retired.

    A retirement of what was too young explains nothing: that would be a way to remove
    what just happened.
    """
    return any(
        each.start <= occurred_at < each.end and is_old_enough(each.end, now=each.at)
        for each in retirements
    )
