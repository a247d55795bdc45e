"""Limits per period: how much and how often, in all, at a merchant or in a category.

A calendar period begins and ends with the calendar of the policy's time zone; a rolling
one reaches back from each request. Rolling periods are counted in steps, and the step
in which one begins counts as a whole: never less is counted than was spent.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain
from zoneinfo import ZoneInfo

from agents.core.merchants import merchant_key

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)


class Period(StrEnum):
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    ALL_TIME = "all_time"


class Window(StrEnum):
    CALENDAR = "calendar"
    ROLLING = "rolling"


class Per(StrEnum):
    """What has a count of its own: an agent, each merchant, or each category."""

    AGENT = "agent"
    MERCHANT = "merchant"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True)
class Rolling:
    """How far a rolling period reaches back, and in which steps it is counted."""

    reach: timedelta
    step: timedelta


ROLLING = {
    Period.HOUR: Rolling(timedelta(hours=1), timedelta(minutes=1)),
    Period.DAY: Rolling(timedelta(days=1), timedelta(hours=1)),
    Period.WEEK: Rolling(timedelta(days=7), timedelta(hours=6)),
    Period.MONTH: Rolling(timedelta(days=30), timedelta(days=1)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most an amount (minor units) or a count of transactions in a period.

    `name` is the one merchant or category that it limits; with "" each has its own.
    """

    period: Period
    window: Window = Window.CALENDAR
    per: Per = Per.AGENT
    name: str = ""
    amount_minor: int | None = None
    count: int | None = None

    @property
    def identity(self) -> tuple[Period, Window, Per, str]:
        """What two limits share that count the same spending."""
        return self.period, self.window, self.per, self.key

    @property
    def key(self) -> str:
        """The name as requests are looked up by."""
        return merchant_key(self.name) if self.per is Per.MERCHANT else self.name


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a limit looks at: since when, and the part that counts a spending.

    That part is the whole of a calendar period, and one step of a rolling one.
    """

    since: datetime
    starts_at: datetime
    ends_at: datetime | None


def span_of(period: Period, window: Window, now: datetime, time_zone: str) -> Span:
    """Return the span of a period around an instant, in UTC.

    A day in which clocks change has 23 or 25 hours; a midnight that does not exist or
    comes twice is one instant, so that no day is counted twice. Raises
    ZoneInfoNotFoundError for an unknown time zone.
    """
    if period is Period.ALL_TIME:
        return Span(BEGINNING, BEGINNING, None)
    if window is Window.ROLLING:
        rolling = ROLLING[period]
        since = _floor(now - rolling.reach, rolling.step)
        start = _floor(now, rolling.step)
        return Span(since, start, start + rolling.step)
    zone = ZoneInfo(time_zone)
    if period is Period.HOUR:
        start, end = _hour(now, zone)
    else:
        start, end = _days(period, now.astimezone(zone))
    return Span(start, start, end)


def _floor(instant: datetime, step: timedelta) -> datetime:
    return BEGINNING + (instant - BEGINNING) // step * step


def _hour(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the hour of the clock; one that comes twice is two hours.

    Where clocks change by a part of an hour they cut one in two.
    """

    def minutes(at: datetime) -> timedelta:
        """By how much the zone's hours begin after those of UTC."""
        return (at.astimezone(zone).utcoffset() or timedelta()) % _HOUR

    after = minutes(now)
    start = _floor(now + after, _HOUR) - after
    end = start + _HOUR
    if minutes(start) != after:
        seconds = range((now - start) // _SECOND)
        start += _SECOND * bisect_left(
            seconds, x=True, key=lambda n: minutes(start + n * _SECOND) == after
        )
    if minutes(end - _SECOND) != after:
        seconds = range((end - start) // _SECOND)
        end = start + _SECOND * bisect_left(
            seconds, x=True, key=lambda n: minutes(start + n * _SECOND) != after
        )
    return start, end


def _days(period: Period, local: datetime) -> tuple[datetime, datetime]:
    first = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period is Period.WEEK:
        first -= timedelta(days=first.weekday())
    elif period is Period.MONTH:
        first = first.replace(day=1)
    days = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 32}[period]
    after = first + timedelta(days=days)  # Local days, whatever their hours.
    if period is Period.MONTH:
        after = after.replace(day=1)
    return first.astimezone(UTC), after.astimezone(UTC)


def concerns(limit: Limit, *, merchant: str, category: str) -> bool:
    """Return whether a limit is about a request, by its merchant's key and category."""
    if limit.per is Per.AGENT or not limit.name:
        return True
    return limit.key == (merchant if limit.per is Per.MERCHANT else category)


def scope_of(limit: Limit, *, merchant: str, category: str) -> str:
    """Return what a request's spending counts under for a limit that concerns it."""
    match limit.per:
        case Per.AGENT:
            return "agent"
        case Per.MERCHANT:
            return f"merchant:{merchant}"
        case Per.CATEGORY:
            return f"category:{category}"


def any_looser(old: Sequence[Limit], new: Sequence[Limit]) -> bool:
    """Return whether a limit of the old ones is gone or higher among the new.

    Only like is compared with like: a limit per day instead of one per month counts
    as looser, because it may be.
    """
    kept = {limit.identity: limit for limit in new}
    return any(
        limit.identity not in kept
        or _is_higher(limit.amount_minor, kept[limit.identity].amount_minor)
        or _is_higher(limit.count, kept[limit.identity].count)
        for limit in old
    )


def _is_higher(old: int | None, new: int | None) -> bool:
    return old is not None and (new is None or new > old)


_PERIODS = {
    Period.HOUR: ("in an hour", "within 60 minutes"),
    Period.DAY: ("in a day", "within 24 hours"),
    Period.WEEK: ("in a week", "within 7 days"),
    Period.MONTH: ("in a month", "within 30 days"),
    Period.ALL_TIME: ("in all", "in all"),
}


_PLACES = {
    Per.MERCHANT: ("at {name}", "at one merchant"),
    Per.CATEGORY: ("on {name}", "on one category"),
}
# The words of spoken_limit(), for translation.
LIMIT_WORDS = frozenset(chain(*_PERIODS.values(), *_PLACES.values()))


def spoken_limit(limit: Limit) -> str:
    """Return what a limit is about as people say it: "at Amazon in a month"."""
    return " ".join(_spoken(limit))


def _spoken(limit: Limit) -> Iterator[str]:
    if limit.per in _PLACES:
        named, unnamed = _PLACES[limit.per]
        yield named.format(name=limit.name) if limit.name else unnamed
    calendar, rolling = _PERIODS[limit.period]
    yield calendar if limit.window is Window.CALENDAR else rolling


def translate_limit(spoken: str, translate: Callable[[str], str]) -> str:
    """Translate a text that spoken_limit() made.

    `translate` gets one of LIMIT_WORDS. Any other text stays as it is.
    """
    for period in chain(*_PERIODS.values()):
        if spoken == period:
            return translate(period)
        if spoken.endswith(f" {period}"):
            place = spoken.removesuffix(f" {period}")
            return f"{_translate_place(place, translate)} {translate(period)}"
    return spoken


def _translate_place(place: str, translate: Callable[[str], str]) -> str:
    for named, unnamed in _PLACES.values():
        if place == unnamed:
            return translate(unnamed)
        before = named.format(name="")
        if place.startswith(before):
            return translate(named).format(name=place.removeprefix(before))
    return place
