"""The life of a transaction: which status may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from transactions.decisions.core.outcome import Outcome

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

# What its agent may ask for in each status, as a refusal of something else says it.
WHAT_WORKS: Mapping[str, str] = MappingProxyType(
    {
        "pending_approval": "it waits for a human; cancel it instead",
        "authorized": "capture or void it instead",
        "partially_captured": "capture or void the rest, or refund, instead",
        "captured": "only a refund can follow",
        "voided": "its money was given back; ask anew",
        "expired": "its money was given back; ask anew",
        "declined": "nothing can follow; ask anew",
        "canceled": "nothing can follow; ask anew",
    }
)


def may_follow(status: str, following: str) -> bool:
    """Tell whether a transaction may go from one status to another."""
    return following in NEXT[status]
