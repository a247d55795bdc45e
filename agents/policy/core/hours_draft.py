"""Reading the hours that somebody wrote, and writing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents.policy.core.hours import DAY_WORDS, DAYS, Hours, format_clock, parse_clock
from agents.policy.core.reader import Reader, ValueRefused, list_of, text_of
from audit.base.core.vocabulary import Unlisted

HOURS_MAX = 50


def read_hours(reader: Reader, name: str, default: Any) -> tuple[Hours, ...] | None:
    """Return the hours of a draft; errors go to the reader."""
    windows = reader.read(name, _windows, default)
    if windows is None:
        return None
    read = [
        _read_window(reader, f"/{name}/{index}", window)
        for index, window in enumerate(windows)
    ]
    return tuple(hours for hours in read if hours is not None)


def hours_to_wire(hours: Sequence[Hours] | None) -> list[dict[str, Any]] | None:
    """Return hours as the API shows and takes them."""
    return hours if hours is None else [_to_wire(each) for each in hours]


def spoken_hours(hours: Sequence[Hours]) -> list[str]:
    """Return each of the hours in words: Mon–Fri 08:00–18:00."""
    return [
        f"{_spoken_days(each.days)} "
        f"{format_clock(each.start_minute)}–{format_clock(each.end_minute)}"
        for each in hours
    ]


def _to_wire(hours: Hours) -> dict[str, Any]:
    return {
        "days": list(hours.days),
        "from": format_clock(hours.start_minute),
        "to": format_clock(hours.end_minute),
    }


def _spoken_days(days: Sequence[str]) -> str:
    """Name days that follow one another by the first and the last."""
    names = [day.capitalize() for day in DAYS if day in days]
    start = DAYS.index(days[0])
    if len(days) > 2 and tuple(days) == DAYS[start : start + len(days)]:
        return f"{names[0]}–{names[-1]}"
    return ", ".join(names)


def _read_window(reader: Reader, pointer: str, window: object) -> Hours | None:
    fields = reader.parsed(pointer, _window, window)
    if fields is None:
        return None
    days = reader.parsed(f"{pointer}/days", _days, fields["days"])
    start = reader.parsed(f"{pointer}/from", _clock, fields["from"])
    end = reader.parsed(f"{pointer}/to", _clock, fields["to"])
    if days is None or start is None or end is None:
        return None
    if start >= end:
        detail = "Write a later time; hours past midnight are two entries."
        reader.refuse(f"{pointer}/to", "hours_end_first", detail)
        return None
    return Hours(days, start, end)


def _windows(value: object) -> Sequence[object] | None:
    if value is None:
        return None
    return list_of(value, HOURS_MAX, "entries")


def _window(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping) or set(value) != {"days", "from", "to"}:
        example = '{"days": ["mon"], "from": "08:00", "to": "18:00"}'
        raise ValueRefused("hours_shape", f"Write {example}.")
    return value


def _days(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueRefused("not_a_list", "Write a list of days.")
    days = tuple(day for day in DAYS if day in value)
    if len(days) != len(value):
        strange = next((day for day in value if day not in DAYS), None)
        code = Unlisted("day_unknown", DAY_WORDS, strange)
        raise ValueRefused(code, f"Write each day once: {', '.join(DAYS)}.")
    return days


def _clock(value: object) -> int:
    minute = parse_clock(text_of(value))
    if minute is None:
        raise ValueRefused("not_a_time", "Write hours and minutes from 00:00 to 24:00.")
    return minute
