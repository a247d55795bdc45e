"""How full a pot is, as shares of its bar on a page."""

from __future__ import annotations

from dataclasses import dataclass

WHOLE = 1000


@dataclass(frozen=True, slots=True)
class Meter:
    """Widths of a bar of WHOLE units: what others used, then what this one asks.

    The second begins where the first ends; both are cut at the end of the bar.
    """

    used: int
    asked: int
    used_minor: int
    asked_minor: int
    left_minor: int


def measure(*, limit_minor: int, used_minor: int, asked_minor: int) -> Meter:
    """Return the meter of a pot of minor units; a pot of nothing is full at once."""
    whole = max(limit_minor, 1)
    used = min(WHOLE, WHOLE * used_minor // whole)
    return Meter(
        used=used,
        asked=min(WHOLE - used, -(-WHOLE * asked_minor // whole)),
        used_minor=used_minor,
        asked_minor=asked_minor,
        left_minor=max(0, limit_minor - used_minor - asked_minor),
    )
