"""Money between accounts: what moves where, and what must always add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType

# Kind of movement: from which account of the agent (credit) to which (debit).
MOVEMENTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "reserve": ("available", "reserved"),
        "increment": ("available", "reserved"),
        "release": ("reserved", "available"),
        "capture": ("reserved", "captured"),
        "late_capture": ("available", "captured"),
        "refund": ("captured", "refunded"),
    }
)


def balances(entries: Iterable[tuple[str, str, int]]) -> Mapping[str, int]:
    """Return each account's balance after (credit, debit, amount in minor units).

    The balances of all accounts together are always 0.
    """
    totals: Counter[str] = Counter()
    for credit, debit, amount_minor in entries:
        totals[credit] -= amount_minor
        totals[debit] += amount_minor
    return totals
