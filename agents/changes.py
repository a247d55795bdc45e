"""How an agent's policy or owner changes once a second person agreed.

See security/changes/registry.py.
"""

from __future__ import annotations

from django.db.models import Q
from django.db.models.fields.json import KT

from accounts.changes import of_own_accounts
from accounts.models import User
from accounts.queries import accounts_of, humans_of, owners_visible_to
from agents.policy.services import PERMISSION, apply_policy_change
from agents.queries import lock_agent_row
from agents.services import hand_overs
from audit.base.context import Principal
from security.changes.models import ChangeRequest
from security.changes.registry import NONE, register


class PolicyChanger:
    """A person who may set the agent's policy may approve another's draft."""

    def decidable_by(self, person: Principal) -> Q:
        if not isinstance(person, User) or not person.has_perm(PERMISSION):
            return NONE
        visible = Q(owner_id__in=owners_visible_to(person).values("pk"))
        return visible & ~of_own_accounts(person)

    def lock(self, target_id: str) -> None:
        lock_agent_row(target_id)

    def apply(self, change: ChangeRequest, *, acting: Principal) -> None:
        apply_policy_change(change, acting=acting)


class OwnerChanger:
    """A person who answers for both owners may agree; the new owner may not."""

    def decidable_by(self, person: Principal) -> Q:
        if not isinstance(person, User) or not person.has_perm(hand_overs.PERMISSION):
            return NONE
        visible = owners_visible_to(person).values("pk")
        own = accounts_of(humans_of(person)).values("pk")
        asked = ChangeRequest.objects.annotate(next_owner=KT("payload__owner"))
        others = asked.filter(next_owner__in=visible).exclude(next_owner__in=own)
        seen = Q(owner_id__in=visible) & Q(pk__in=others.values("pk"))
        return seen & ~of_own_accounts(person)

    def lock(self, target_id: str) -> None:
        lock_agent_row(target_id)

    def apply(self, change: ChangeRequest, *, acting: Principal) -> None:
        hand_overs.apply_hand_over(change, acting=acting)


def register_changers() -> None:
    """Register the changes of policies and owners; called once, at start."""
    register(ChangeRequest.Kind.POLICY, PolicyChanger())
    register(ChangeRequest.Kind.AGENT_OWNER, OwnerChanger())
