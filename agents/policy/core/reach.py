"""A policy's reach: countries, kinds of sellers, hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from agents.core.mcc import blocked_codes
from agents.policy.core.hours import DAYS, Hours, format_clock, minutes_of_week


class Reach(Protocol):
    """The terms of a policy that this module knows."""

    @property
    def time_zone(self) -> str: ...
    @property
    def allowed_countries(self) -> tuple[str, ...] | None: ...
    @property
    def blocked_countries(self) -> tuple[str, ...]: ...
    @property
    def allowed_hours(self) -> tuple[Hours, ...] | None: ...
    @property
    def blocked_mcc_groups(self) -> tuple[str, ...]: ...
    @property
    def blocked_mccs(self) -> tuple[str, ...]: ...


def reach_to_wire(terms: Reach) -> dict[str, Any]:
    """Return these terms as the API shows and takes them."""
    countries, hours = terms.allowed_countries, terms.allowed_hours
    return {
        "time_zone": terms.time_zone,
        "allowed_countries": None if countries is None else list(countries),
        "blocked_countries": list(terms.blocked_countries),
        "allowed_hours": None if hours is None else list(map(_hours_to_wire, hours)),
        "blocked_mcc_groups": list(terms.blocked_mcc_groups),
        "blocked_mccs": list(terms.blocked_mccs),
    }


def is_reach_wider(old: Reach, new: Reach) -> bool:
    """Return whether new terms reach anywhere or any time that the old ones did not."""
    return (
        _is_wider(old.allowed_countries, new.allowed_countries)
        or not set(old.blocked_countries) <= set(new.blocked_countries)
        or not _blocked(old) <= _blocked(new)
        or _are_hours_wider(old, new)
    )


def spoken_hours(hours: Sequence[Hours]) -> list[str]:
    """Return each of the hours in words: Mon–Fri 08:00–18:00."""
    return [
        f"{_spoken_days(each.days)} "
        f"{format_clock(each.start_minute)}–{format_clock(each.end_minute)}"
        for each in hours
    ]


def _hours_to_wire(hours: Hours) -> dict[str, Any]:
    return {
        "days": list(hours.days),
        "from": format_clock(hours.start_minute),
        "to": format_clock(hours.end_minute),
    }


def _blocked(terms: Reach) -> frozenset[str]:
    return blocked_codes(terms.blocked_mcc_groups, terms.blocked_mccs)


def _is_wider(old: tuple[str, ...] | None, new: tuple[str, ...] | None) -> bool:
    return old is not None and (new is None or not set(new) <= set(old))


def _are_hours_wider(old: Reach, new: Reach) -> bool:
    """Hours by the clocks of two zones can't be compared, and count as wider."""
    if old.allowed_hours is None or new.allowed_hours == ():
        return False
    if new.allowed_hours is None or old.time_zone != new.time_zone:
        return True
    before, after = map(minutes_of_week, (old.allowed_hours, new.allowed_hours))
    return not after <= before


def _spoken_days(days: Sequence[str]) -> str:
    """Name days that follow one another by the first and the last."""
    names = [day.capitalize() for day in DAYS if day in days]
    start = DAYS.index(days[0])
    if len(days) > 2 and tuple(days) == DAYS[start : start + len(days)]:
        return f"{names[0]}–{names[-1]}"
    return ", ".join(names)
