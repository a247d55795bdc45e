"""An agent's rolling counters: a decision knows the past at constant cost.

There is one counter per minute, for the current minute and the 60 before it, the newest
last: an hour that ends at any instant touches at most these minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from transactions.decisions.core.outcome import Outcome

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
MINUTES_KEPT = 61
NONE_YET = (0,) * MINUTES_KEPT
RECENT_KEPT = 8


@dataclass(frozen=True, slots=True)
class RecentRequest:
    """One of the last allowed or held requests; a new one may duplicate it."""

    amount_minor: int
    currency: str
    merchant_key: str
    at: datetime
    # As requested; empty in records from before names were kept.
    merchant: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Activity:
    """Counters before the request under decision.

    `just_below_by_minute` holds the sums, in minor units, of amounts allowed just below
    the policy's approval limit.
    """

    minute: datetime
    last_request_at: datetime
    requests_by_minute: tuple[int, ...] = NONE_YET
    just_below_by_minute: tuple[int, ...] = NONE_YET
    allowed_count: int = 0
    allowed_sum_minor: int = 0
    allowed_sum_of_squares: int = 0
    requests_by_hour_of_day: tuple[int, ...] = (0,) * 24
    waiting_approvals: int = 0
    recent: tuple[RecentRequest, ...] = ()


def no_activity(now: datetime) -> Activity:
    """Return the counters of an agent without requests."""
    return Activity(minute=_minute_of(now), last_request_at=now)


def advance(activity: Activity, now: datetime) -> Activity:
    """Move the minutes forward to `now`; no change if the clock went back."""
    minute = _minute_of(now)
    passed = min((minute - activity.minute) // MINUTE, MINUTES_KEPT)
    if passed <= 0:
        return activity
    return replace(
        activity,
        minute=minute,
        requests_by_minute=activity.requests_by_minute[passed:] + (0,) * passed,
        just_below_by_minute=activity.just_below_by_minute[passed:] + (0,) * passed,
    )


def requests_in_last_hour(activity: Activity, now: datetime) -> int:
    """Return the number of requests in the hour before `now`, or slightly more.

    The minute in which that hour begins counts as a whole, so the result may include
    requests from that minute which are older than an hour.
    """
    return sum(advance(activity, now).requests_by_minute)


def just_below_in_last_hour(activity: Activity, now: datetime) -> int:
    """Return the sum allowed just below the approval limit, with the same precision."""
    return sum(advance(activity, now).just_below_by_minute)


def count_request(
    activity: Activity,
    *,
    amount_minor: int,
    outcome: Outcome,
    now: datetime,
    is_just_below: bool = False,
    recent: RecentRequest | None = None,
) -> Activity:
    """Return the counters after a request; only an allow counts as spending.

    `recent` is the request itself, kept among the last 8 unless it was denied.
    """
    current = advance(activity, now)
    by_hour = list(current.requests_by_hour_of_day)
    by_hour[now.hour] += 1
    counted = replace(
        current,
        last_request_at=max(now, current.last_request_at),
        requests_by_minute=_add(current.requests_by_minute, 1),
        requests_by_hour_of_day=tuple(by_hour),
    )
    if recent is not None and outcome is not Outcome.DENY:
        kept = (*counted.recent, recent)[-RECENT_KEPT:]
        counted = replace(counted, recent=kept)
    if outcome is Outcome.ALLOW:
        just_below = amount_minor if is_just_below else 0
        return replace(
            counted,
            just_below_by_minute=_add(counted.just_below_by_minute, just_below),
            allowed_count=counted.allowed_count + 1,
            allowed_sum_minor=counted.allowed_sum_minor + amount_minor,
            allowed_sum_of_squares=counted.allowed_sum_of_squares + amount_minor**2,
        )
    if outcome is Outcome.HOLD:
        return replace(counted, waiting_approvals=counted.waiting_approvals + 1)
    return counted


def without(
    activity: Activity,
    own: RecentRequest,
    *,
    counted_minor: int,
    minute: datetime | None,
) -> Activity:
    """Return the counters without the request `own`, to check an increment of it.

    Otherwise it would count as a repetition or a split of itself. `counted_minor` is
    what counts of it as just below the approval limit, in `minute` (None: nothing).
    """
    recent = list(activity.recent)
    if own in recent:
        recent.remove(own)
    sums = _subtract(activity, counted_minor, minute)
    return replace(activity, recent=tuple(recent), just_below_by_minute=sums)


def count_increment(
    activity: Activity,
    *,
    before_minor: int,
    total_minor: int,
    now: datetime,
    is_just_below: bool,
    minute: datetime | None,
) -> Activity:
    """Return the counters after an allowed request was raised to a total.

    The total counts as if requested now. It replaces what counted of the request as
    just below the approval limit in an earlier `minute` (None: nothing).
    """
    now_on = advance(activity, now)
    sums = _subtract(now_on, before_minor, minute)
    squares = total_minor**2 - before_minor**2
    return replace(
        now_on,
        just_below_by_minute=_add(sums, total_minor if is_just_below else 0),
        allowed_sum_minor=now_on.allowed_sum_minor + total_minor - before_minor,
        allowed_sum_of_squares=now_on.allowed_sum_of_squares + squares,
    )


def _subtract(
    activity: Activity, value: int, minute: datetime | None
) -> tuple[int, ...]:
    sums = list(activity.just_below_by_minute)
    if minute is not None:
        place = MINUTES_KEPT - 1 - (activity.minute - minute) // MINUTE
        if place >= 0:  # Otherwise the minute is no longer kept.
            sums[place] -= value
    return tuple(sums)


def _add(minutes: tuple[int, ...], value: int) -> tuple[int, ...]:
    return (*minutes[:-1], minutes[-1] + value)


def _minute_of(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)
