"""How an agent's policy is set once a second person agreed; see security/changes.py."""

from __future__ import annotations

from django.db.models import Q

from accounts.changes import of_own_accounts
from accounts.models import User
from accounts.queries import owners_visible_to
from agents.queries import lock_agent_row
from agents.services.policies import PERMISSION, apply_policy_change
from audit.context import Principal
from security.changes import NONE, register
from security.models import ChangeRequest


class PolicyChanger:
    """Whoever may set the agent's policy themselves may agree to another's."""

    def decidable_by(self, person: Principal) -> Q:
        if not isinstance(person, User) or not person.has_perm(PERMISSION):
            return NONE
        visible = Q(owner_id__in=owners_visible_to(person).values("pk"))
        return visible & ~of_own_accounts(person)

    def lock(self, target_id: str) -> None:
        lock_agent_row(target_id)

    def apply(self, change: ChangeRequest, *, acting: Principal) -> None:
        apply_policy_change(change, acting=acting)


def register_changers() -> None:
    """Tell `security` who sets policies; called once, when the app is ready."""
    register(ChangeRequest.Kind.POLICY, PolicyChanger())
