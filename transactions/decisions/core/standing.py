"""Standing: may this caller make requests at all?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.reasons import Finding

DENY = Outcome.DENY


class Standing(Protocol):
    """What is known about the caller, read while its agent is locked."""

    @property
    def agent_is_active(self) -> bool: ...
    @property
    def owner_is_active(self) -> bool: ...
    @property
    def credential_is_live(self) -> bool: ...
    @property
    def locks(self) -> tuple[str, ...]: ...


def standing_findings(facts: Standing) -> Iterator[Finding]:
    """Find everything that stops the caller: agent, owner, credential and locks."""
    if not facts.agent_is_active:
        yield Finding("standing", "agent_inactive", DENY)
    if not facts.owner_is_active:
        yield Finding("standing", "owner_inactive", DENY)
    if not facts.credential_is_live:
        yield Finding("standing", "credential_revoked", DENY)
    if facts.locks:
        kinds = ", ".join(sorted(facts.locks))
        yield Finding("standing", "resource_locked", DENY, {"kinds": kinds})
