"""The one reader of times and whole numbers that others wrote, and writer of times.

int(), float(), strptime() and fromisoformat() take more than anybody means: digits of
any script, signs, underscores, spaces, weeks. Source: RFC 3339, section 5.6.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone

_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2})"
    r"(?::([0-9]{2})(?:\.([0-9]{1,20}))?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_WHOLE = re.compile(r"[0-9]{1,40}")
HOW_TO_WRITE_AN_INSTANT = (
    "Enter a valid date and time with its zone (RFC 3339): 2026-11-30T08:15:00Z."
)


def parse_instant(text: str, *, zone: timezone | None = None) -> datetime | None:
    """Return the aware time that an RFC 3339 text says, None for any other text.

    With `zone` a text may leave out its seconds, and its zone, which is then that one:
    so browsers and CSV files write times. What is finer than a microsecond is cut off.
    A leap second (:60) is refused, as no clock here has one.
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    if zone is None and (second is None or offset is None):
        return None
    micro = int((fraction or "").ljust(6, "0")[:6])
    try:
        at = zone if offset is None else _zone(offset)
        day_of = date(int(year), int(month), int(day))
        clock = time(int(hour), int(minute), int(second or 0), micro, at)
        return datetime.combine(day_of, clock)
    except ValueError:
        return None


def rfc3339(instant: datetime) -> str:
    """Spell an aware instant in UTC, to the microsecond where it has any."""
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def parse_whole(text: str) -> int | None:
    """Return the whole number that up to 40 ASCII digits say, None for other texts."""
    return int(text) if _WHOLE.fullmatch(text) else None


def _zone(offset: str) -> timezone:
    if offset in "Zz":
        return UTC
    hours, minutes = int(offset[1:3]), int(offset[4:])
    if minutes > 59:
        raise ValueError(offset)
    delta = timedelta(hours=hours, minutes=minutes)
    return timezone(-delta if offset[0] == "-" else delta)
