"""The life of a transaction: which status may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from transactions.core.outcome import Outcome

FIRST_STATUS: Mapping[Outcome, str] = MappingProxyType(
    {
        Outcome.ALLOW: "authorized",
        Outcome.HOLD: "pending_approval",
        Outcome.DENY: "declined",
    }
)

NEXT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "pending_approval": frozenset(
            {"authorized", "declined", "expired", "canceled"}
        ),
        "authorized": frozenset(
            {"partially_captured", "captured", "voided", "expired"}
        ),
        "partially_captured": frozenset({"captured", "voided", "expired"}),
        "captured": frozenset(),
        # The payment rail may report a capture after we gave the money back.
        "voided": frozenset({"captured"}),
        "expired": frozenset({"captured"}),
        "declined": frozenset(),
        "canceled": frozenset(),
    }
)


def may_follow(status: str, following: str) -> bool:
    """Tell whether a transaction may go from one status to another."""
    return following in NEXT[status]
