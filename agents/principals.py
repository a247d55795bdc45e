"""An agent as a caller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class AgentPrincipal:
    """An agent that has proved who it is; answers audit.base.context.Principal.

    Frozen at authentication: decisions read the agent's locked row, not this.
    """

    principal_id: str
    owner_id: str
    label: str
    mode: str
    credential_id: str
    authenticated_at: datetime | None
    policy_version_id: str | None = None
    kind: Literal["agent"] = "agent"
    is_human: bool = False
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False
    is_staff: bool = False

    @property
    def pk(self) -> str:
        return self.principal_id

    def __str__(self) -> str:
        return self.label

    def has_perm(self, permission: str, obj: object = None) -> bool:
        """No: what an agent may do is its policy's to say, never a role's."""
        return False
