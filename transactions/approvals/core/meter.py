"""How much of a limit is used, as widths of a bar on a page."""

from __future__ import annotations

from dataclasses import dataclass

WHOLE = 1000


@dataclass(frozen=True, slots=True)
class Meter:
    """What is used, what a request adds and what is left: minor units or a count.

    The shares are widths on a bar of WHOLE units; the second begins where the first
    ends, and both are cut off at the end of the bar.
    """

    used: int
    asked: int
    left: int
    used_share: int
    asked_share: int


def measure(*, limit: int, used: int, asked: int) -> Meter:
    """Return the meter of a limit; a limit of 0 is drawn as a limit of 1."""
    whole = max(limit, 1)
    used_share = min(WHOLE, WHOLE * used // whole)
    return Meter(
        used=used,
        asked=asked,
        left=max(0, limit - used - asked),
        used_share=used_share,
        asked_share=min(WHOLE - used_share, -(-WHOLE * asked // whole)),
    )
