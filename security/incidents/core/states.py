"""How an incident is dealt with: the steps of the response, and its states.

Source: Security Considerations, "Security Incident Procedure".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LOCK, NOTIFY, LOG, INVESTIGATE = "lock", "notify", "log", "investigate"
STEPS = (LOCK, NOTIFY, LOG, INVESTIGATE)

OPEN, CONTAINED, INVESTIGATING = "open", "contained", "investigating"
RESOLVED, CLOSED = "resolved", "closed"
LIVE = frozenset({OPEN, CONTAINED, INVESTIGATING})
ENDED = frozenset({RESOLVED, CLOSED})

# Only a proven identity may be locked for its acts. An address proves nothing:
# otherwise a stranger could stop anybody.
LOCKABLE = frozenset({"agent", "user"})

# Action -> (states that it starts from, state that it leads to).
TRANSITIONS: Mapping[str, tuple[frozenset[str], str]] = MappingProxyType(
    {
        "acknowledge": (frozenset({OPEN, CONTAINED}), INVESTIGATING),
        "contain": (frozenset({OPEN, INVESTIGATING}), CONTAINED),
        "resolve": (LIVE, RESOLVED),
        "close": (frozenset({RESOLVED}), CLOSED),
    }
)


def status_after(action: str, status: str, resource_kind: str) -> str | None:
    """Return the state that an action leads to; None where it is not possible."""
    if action in actions_from(status, resource_kind):
        return TRANSITIONS[action][1]
    return None


def status_after_step(step: str, status: str, *, has_locked: bool) -> str:
    """Return the state after a response step; a person's later word is kept."""
    if step == LOCK and status == OPEN and has_locked:
        return CONTAINED
    if step == INVESTIGATE and status in {OPEN, CONTAINED}:
        return INVESTIGATING
    return status


def actions_from(status: str, resource_kind: str) -> tuple[str, ...]:
    """Return what a person can do with an incident in this state.

    To contain is to lock, so what cannot be locked cannot be contained.
    """
    return tuple(
        name
        for name, (start, _) in TRANSITIONS.items()
        if status in start and (name != "contain" or resource_kind in LOCKABLE)
    )
