"""Locks on resources of other packages: resource kind -> responder.

Higher apps register in AppConfig.ready(), so that an incident can lock an agent
although `security` does not import agents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from audit.base.context import Principal


@dataclass(frozen=True, slots=True)
class Target:
    """What may be known of a resource here: its name and its responsible person."""

    id: str
    label: str
    owner_id: str = ""


class Responder(Protocol):
    """Stops and starts one kind of resource.

    `lock` and `unlock` run inside the caller's transaction, before the ResourceLock
    row is written. They first take the resource's own row lock, so that no decision
    is in flight while it is stopped; they may write more, and must not commit, send
    or wait for anything else. Both raise a DomainError if there is no such resource.
    `lock` raises LastUnlocker when the platform itself would lock the last person who
    could unlock. `unlock` raises NotPermitted for a person who is responsible for the
    resource; ending an incident about it asks the same.
    """

    def lock(
        self,
        target_id: str,
        *,
        acting: Principal,
        reason: str,
        incident: str | None,
    ) -> None: ...

    def unlock(self, target_id: str, *, acting: Principal, reason: str) -> None: ...

    def describe(self, target_id: str) -> Target | None:
        """Return what the target is, or None if there is no such thing."""


_responders: dict[str, Responder] = {}


def register(kind: str, responder: Responder) -> None:
    """Name the responder of a resource kind; the last one wins."""
    _responders[kind] = responder


def responder_for(kind: str) -> Responder | None:
    """Return the kind's responder; None if nobody registered one."""
    return _responders.get(kind)


def registered_kinds() -> frozenset[str]:
    """Return the kinds that have a responder."""
    return frozenset(_responders)
