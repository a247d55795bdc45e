"""The ledger: movements of money between accounts, and their effects on balances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

# Kind of movement: the agent's account it leaves (credit) and enters (debit).
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
    """What one unit of a movement adds to columns of a reservation and of a budget."""

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
        # A refund frees no budget; otherwise it would permit more spending.
        "refund": Effect({"refunded_minor": 1}, {}),
    }
)


def ends_counting(kind: str, *, is_resolved: bool, captured_minor: int) -> bool:
    """Return whether a transaction leaves the count because nothing was captured."""
    return kind == "release" and is_resolved and captured_minor == 0


def above_minor(*, set_aside_minor: int, taken_minor: int) -> int:
    """Return by how much the captured amount exceeds the reserved one (minor units).

    Only late captures can exceed it, so this is a part of the late amount.
    """
    return max(taken_minor - set_aside_minor, 0)


def balances(entries: Iterable[tuple[str, str, int]]) -> Mapping[str, int]:
    """Return each account's balance after entries (credit, debit, amount in minor).

    The balances of all accounts together are always 0.
    """
    totals: Counter[str] = Counter()
    for credit, debit, amount_minor in entries:
        totals[credit] -= amount_minor
        totals[debit] += amount_minor
    return totals
