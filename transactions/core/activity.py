"""An agent's rolling counters: what a decision knows of the past at constant cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from transactions.core.outcome import Outcome

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Activity:
    """Counts up to, and not including, the request under decision."""

    hour_start: datetime
    last_request_at: datetime
    requests_this_hour: int = 0
    requests_previous_hour: int = 0
    allowed_count: int = 0
    allowed_sum_minor: int = 0
    allowed_sum_of_squares: int = 0
    requests_by_hour_of_day: tuple[int, ...] = (0,) * 24
    waiting_approvals: int = 0


def no_activity(now: datetime) -> Activity:
    """Return the counters of an agent that never asked."""
    return Activity(hour_start=_hour_of(now), last_request_at=now)


def advance(activity: Activity, now: datetime) -> Activity:
    """Move the two hours on to `now`; a clock that went back moves nothing."""
    hour = _hour_of(now)
    passed = hour - activity.hour_start
    if passed <= timedelta(0):
        return activity
    previous = activity.requests_this_hour if passed == HOUR else 0
    return replace(
        activity,
        hour_start=hour,
        requests_this_hour=0,
        requests_previous_hour=previous,
    )


def requests_in_last_hour(activity: Activity, now: datetime) -> int:
    """Estimate the requests in the hour before `now`, rounded up.

    The previous clock hour counts by the share of it that is still in the window,
    as if its requests had come evenly: off by at most that hour's own count.
    """
    current = advance(activity, now)
    elapsed = min(max(now - current.hour_start, timedelta(0)), HOUR)
    carried = -((elapsed - HOUR) * current.requests_previous_hour // HOUR)
    return current.requests_this_hour + carried


def count_request(
    activity: Activity, *, amount_minor: int, outcome: Outcome, now: datetime
) -> Activity:
    """Return the counters after a request; only an allow counts as spending."""
    current = advance(activity, now)
    by_hour = list(current.requests_by_hour_of_day)
    by_hour[now.hour] += 1
    counted = replace(
        current,
        last_request_at=max(now, current.last_request_at),
        requests_this_hour=current.requests_this_hour + 1,
        requests_by_hour_of_day=tuple(by_hour),
    )
    if outcome is Outcome.ALLOW:
        return replace(
            counted,
            allowed_count=counted.allowed_count + 1,
            allowed_sum_minor=counted.allowed_sum_minor + amount_minor,
            allowed_sum_of_squares=counted.allowed_sum_of_squares + amount_minor**2,
        )
    if outcome is Outcome.HOLD:
        return replace(counted, waiting_approvals=counted.waiting_approvals + 1)
    return counted


def _hour_of(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
