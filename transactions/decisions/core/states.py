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
        # The payment rail may capture after the money was given back.
        "voided": frozenset({"captured"}),
        "expired": frozenset({"captured"}),
        "declined": frozenset(),
        "canceled": frozenset(),
    }
)

# What the agent may do in each status; part of the invalid_state message.
NEXT_STEPS: Mapping[str, str] = MappingProxyType(
    {
        "pending_approval": "it waits for a human; cancel it instead",
        "authorized": "capture or void it instead",
        "partially_captured": "capture or void the rest, or refund, instead",
        "captured": "only a refund can follow",
        "voided": "its money was given back; make a new request",
        "expired": "its money was given back; make a new request",
        "declined": "nothing can follow; make a new request",
        "canceled": "nothing can follow; make a new request",
    }
)


def may_follow(status: str, following: str) -> bool:
    """Return whether a transaction may go from one status to another."""
    return following in NEXT[status]
