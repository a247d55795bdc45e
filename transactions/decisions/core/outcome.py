"""The verdict's three words and their order."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Outcome(StrEnum):
    """What an agent is told: allow < hold < deny."""

    ALLOW = "allow"
    HOLD = "hold"
    DENY = "deny"


_SEVERITY = {outcome: rank for rank, outcome in enumerate(Outcome)}


def strictest(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the strictest outcome; of none, allow."""
    return max(outcomes, key=_SEVERITY.__getitem__, default=Outcome.ALLOW)
