"""The role table: what each role may do. Source: Security Considerations, RBAC."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ADMIN, MANAGER, USER = "admin", "manager", "user"

ROLE_PERMISSIONS: Mapping[str, Mapping[str, bool]] = MappingProxyType(
    {
        ADMIN: {
            "can_manage_agents": True,
            "can_approve_transactions": True,
            "can_view_all_data": True,
        },
        MANAGER: {
            "can_manage_agents": True,
            "can_approve_transactions": True,
            "can_view_all_data": False,
        },
        USER: {
            "can_manage_agents": False,
            "can_approve_transactions": False,
            "can_view_all_data": False,
        },
    }
)

# The Django permissions of each capability; packages below check these.
CAPABILITY_PERMISSIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "can_manage_agents": frozenset(
            {
                "agents.add_agent",
                "agents.change_agent",
                "agents.view_agent",
                "agents.change_policy",
                "agents.view_policy",
            }
        ),
        "can_approve_transactions": frozenset(
            {
                "transactions.approve_transaction",
                "transactions.give_back",
                "transactions.report_capture",
                "transactions.view_approvalrequest",
                "transactions.view_transaction",
            }
        ),
        "can_view_all_data": frozenset({"audit.view_auditevent"}),
    }
)

# What an administrator may grant a person in addition to the role, for auditors.
GRANTABLE_PERMISSIONS = frozenset({"audit.view_auditevent", "audit.export_auditevent"})


def has_capability(role: str, capability: str) -> bool:
    """Return whether a role has a capability; an unknown role or word has none."""
    return ROLE_PERMISSIONS.get(role, {}).get(capability, False)


def permissions_of(role: str) -> frozenset[str]:
    """Return the Django permissions ("app.codename") that a role gives."""
    granted = (
        permissions
        for capability, permissions in CAPABILITY_PERMISSIONS.items()
        if has_capability(role, capability)
    )
    return frozenset().union(*granted)


def needs_second_factor(role: str) -> bool:
    """Return whether a role is trusted with enough to need more than a password."""
    return role == ADMIN or has_capability(role, "can_approve_transactions")
