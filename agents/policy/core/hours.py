"""The hours of the week in which an agent may ask, by the clocks of its time zone.

An instant has exactly one wall-clock time in a zone, so the hours that clocks skip or
repeat twice a year need no rule of their own: what is asked at a repeated 02:30 is
asked at 02:30, both times.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from audit.base.core.vocabulary import Vocabulary

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_WORDS = Vocabulary(
    DAYS,
    {
        "monday": "mon",
        "tuesday": "tue",
        "wednesday": "wed",
        "thursday": "thu",
        "friday": "fri",
        "saturday": "sat",
        "sunday": "sun",
    },
)
DAY_MINUTES = 24 * 60
UTC = "UTC"

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")


@dataclass(frozen=True, slots=True)
class Hours:
    """On each of some days from one minute of the day until before another."""

    days: tuple[str, ...]
    start_minute: int
    end_minute: int

    def hold(self, local: datetime) -> bool:
        """Return whether a wall-clock time lies within."""
        minute = local.hour * 60 + local.minute
        is_day = DAYS[local.weekday()] in self.days
        return is_day and self.start_minute <= minute < self.end_minute


def is_within(hours: Sequence[Hours], zone: str, now: datetime) -> bool:
    """Return whether an aware instant lies in any of the hours, in an IANA time zone.

    Raises ZoneInfoNotFoundError where the zone is not installed any more.
    """
    local = now.astimezone(ZoneInfo(zone))
    return any(each.hold(local) for each in hours)


def minutes_of_week(hours: Sequence[Hours]) -> frozenset[tuple[str, int]]:
    """Return all (day, minute of the day) that the hours cover."""
    return frozenset(
        (day, minute)
        for each in hours
        for day in each.days
        for minute in range(each.start_minute, each.end_minute)
    )


Zoned = tuple[Sequence[Hours] | None, str]  # Hours (None: any) and their time zone.


def are_hours_wider(old: Zoned, new: Zoned) -> bool:
    """Return whether new hours have a time that the old ones had not.

    Hours by the clocks of two zones can't be compared, and count as wider.
    """
    (old_hours, old_zone), (new_hours, new_zone) = old, new
    if old_hours is None or new_hours == ():
        return False
    if new_hours is None or old_zone != new_zone:
        return True
    return not minutes_of_week(new_hours) <= minutes_of_week(old_hours)


def parse_clock(text: str) -> int | None:
    """Return the minute of the day of "08:30", 0 to 1440 for "24:00", or None."""
    if not _CLOCK.fullmatch(text):
        return None
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def format_clock(minute: int) -> str:
    """Return a minute of the day as "08:30"."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def is_time_zone(name: str) -> bool:
    """Return whether a name is UTC or an IANA area and place, such as Europe/Berlin.

    Names without a slash (EST, the host's "localtime") mean different things to
    different hosts.
    """
    return name in _zones()


@lru_cache(maxsize=1)
def zone_words() -> Vocabulary:
    """Return the time zones that there are on this host."""
    return Vocabulary(tuple(sorted(_zones())), page="time-zones")


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset({UTC, *(name for name in available_timezones() if "/" in name)})
