"""What people do to agents, policies, credentials and functions.

One public function per use case, one durable transaction each, the audit event in it.
"""

from __future__ import annotations

from agents.services.agents import create_agent, lock_agent, unlock_agent, update_agent
from agents.services.credentials import (
    CREDENTIAL_DAYS,
    CREDENTIAL_DAYS_MAX,
    OVERLAP_HOURS,
    OVERLAP_HOURS_MAX,
    IssuedCredential,
    IssuedToken,
    exchange_credential,
    issue_credential,
    revoke_credential,
    rotate_credential,
)
from agents.services.functions import (
    add_function_version,
    register_function,
    set_function_enabled,
)
from agents.services.policies import set_policy

__all__ = [
    "CREDENTIAL_DAYS",
    "CREDENTIAL_DAYS_MAX",
    "OVERLAP_HOURS",
    "OVERLAP_HOURS_MAX",
    "IssuedCredential",
    "IssuedToken",
    "add_function_version",
    "create_agent",
    "exchange_credential",
    "issue_credential",
    "lock_agent",
    "register_function",
    "revoke_credential",
    "rotate_credential",
    "set_function_enabled",
    "set_policy",
    "unlock_agent",
    "update_agent",
]
