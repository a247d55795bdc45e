"""The three outcomes and their order."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of a decision: allow < hold < deny."""

    ALLOW = "allow"
    HOLD = "hold"
    DENY = "deny"


_SEVERITY = {outcome: rank for rank, outcome in enumerate(Outcome)}


def strictest(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the strictest outcome, or allow if there are none."""
    return max(outcomes, key=_SEVERITY.__getitem__, default=Outcome.ALLOW)
