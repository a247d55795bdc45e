"""Reading the reach of a draft policy: countries, kinds of sellers, hours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.core.countries import COUNTRIES, COUNTRY_WORDS
from agents.core.mcc import GROUP_WORDS, GROUPS, MCC
from agents.policy.core.hours import (
    DAY_WORDS,
    DAYS,
    UTC,
    Hours,
    is_time_zone,
    parse_clock,
    zone_words,
)
from agents.policy.core.reader import Reader, ValueRefused, list_of, text_of
from audit.base.core.vocabulary import Unlisted

HOURS_MAX = 50
REACH_NAMES = (
    "time_zone",
    "allowed_countries",
    "blocked_countries",
    "allowed_hours",
    "blocked_mcc_groups",
    "blocked_mccs",
)


def read_reach(reader: Reader) -> dict[str, Any]:
    """Return these terms of a draft by name; errors go to the reader."""

    def blocked(name: str, parse: Callable[[object], tuple[str, str]]) -> Any:
        return reader.read_list(name, parse, null_is_any=False, default=())

    return {
        "time_zone": reader.read("time_zone", _time_zone, UTC),
        "allowed_countries": reader.read_list("allowed_countries", _country),
        "blocked_countries": blocked("blocked_countries", _country),
        "allowed_hours": _read_hours(reader),
        "blocked_mcc_groups": blocked("blocked_mcc_groups", _mcc_group),
        "blocked_mccs": blocked("blocked_mccs", _mcc),
    }


def _read_hours(reader: Reader) -> tuple[Hours, ...] | None:
    windows = reader.read("allowed_hours", _windows)
    if windows is None:
        return None
    read = [
        _read_window(reader, f"/allowed_hours/{index}", window)
        for index, window in enumerate(windows)
    ]
    return tuple(hours for hours in read if hours is not None)


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


def _time_zone(value: object) -> str:
    name = text_of(value)
    if not is_time_zone(name):
        raise ValueRefused(
            Unlisted("time_zone_unknown", zone_words(), name),
            "Write UTC or an IANA name, such as Europe/Berlin.",
        )
    return name


def _country(value: object) -> tuple[str, str]:
    code = text_of(value)
    if code not in COUNTRIES:
        raise ValueRefused(
            Unlisted("country_unknown", COUNTRY_WORDS, code),
            "Write two capitals of ISO 3166, such as DE.",
        )
    return code, code


def _mcc_group(value: object) -> tuple[str, str]:
    name = text_of(value)
    if name not in GROUPS:
        raise ValueRefused(
            Unlisted("mcc_group_unknown", GROUP_WORDS, name),
            f"Write one of {', '.join(GROUPS)}.",
        )
    return name, name


def _mcc(value: object) -> tuple[str, str]:
    code = text_of(value)
    if not MCC.fullmatch(code):
        raise ValueRefused("mcc_malformed", "Write the four digits of the code.")
    return code, code
