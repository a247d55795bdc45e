"""Money between accounts: what moves where, and what must always add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

# Kind of movement: from which account of the agent (credit) to which (debit).
MOVEMENTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "reserve": ("available", "reserved"),
        "increment": ("available", "reserved"),
        "release": ("reserved", "available"),
        "capture": ("reserved", "captured"),
        "late_capture": ("available", "captured"),
        "reversal": ("captured", "available"),
        "refund": ("captured", "refunded"),
    }
)


@dataclass(frozen=True, slots=True)
class Effect:
    """What one unit of a movement adds to a reservation's and a budget's columns."""

    reservation: Mapping[str, int]
    budget: Mapping[str, int]


EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {
        "increment": Effect({"amount_minor": 1}, {"reserved_minor": 1}),
        "release": Effect({"released_minor": 1}, {"reserved_minor": -1}),
        "capture": Effect(
            {"captured_minor": 1}, {"reserved_minor": -1, "posted_minor": 1}
        ),
        "late_capture": Effect({"late_minor": 1}, {"late_minor": 1}),
        "reversal": Effect({"reversed_minor": 1}, {"late_minor": -1}),
        # What comes back raises no budget, or a refund would buy more.
        "refund": Effect({"refunded_minor": 1}, {}),
    }
)


def frees_a_place(kind: str, *, is_resolved: bool, captured_minor: int) -> bool:
    """Tell whether a transaction counts no more, as nothing of it was ever taken."""
    return kind == "release" and is_resolved and captured_minor == 0


def above_minor(*, set_aside_minor: int, taken_minor: int) -> int:
    """Return how much was taken above what had been set aside, in minor units.

    Only late captures can exceed it, so this is a part of what was taken late.
    """
    return max(taken_minor - set_aside_minor, 0)


def balances(entries: Iterable[tuple[str, str, int]]) -> Mapping[str, int]:
    """Return each account's balance after (credit, debit, amount in minor units).

    The balances of all accounts together are always 0.
    """
    totals: Counter[str] = Counter()
    for credit, debit, amount_minor in entries:
        totals[credit] -= amount_minor
        totals[debit] += amount_minor
    return totals
