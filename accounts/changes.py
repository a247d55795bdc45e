"""Apply a change of rights that a second person approved (security/changes)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Q

from accounts.models import User
from accounts.queries import accounts_of, humans_of, spoken_by
from accounts.services.own_rights import CHANGE_USER
from accounts.services.people import apply_rights_change
from audit.base.context import Principal, holds
from audit.base.errors import NotFound
from security.changes.models import ChangeRequest
from security.changes.registry import NONE, register


@dataclass(frozen=True, slots=True)
class PermissionChanger:
    """People who hold a permission may agree to changes that others ask for."""

    permission: str
    lock: Callable[..., None]
    apply: Callable[..., None]

    def decidable_by(self, person: Principal) -> Q:
        if not isinstance(person, User) or not holds(person, self.permission):
            return NONE
        return ~of_own_accounts(person)


def lock_person(target_id: str) -> None:
    """Lock a person's row until the transaction ends. Raises NotFound."""
    if not User.objects.select_for_update().filter(pk=target_id).first():
        raise NotFound


def of_own_accounts(person: User) -> Q:
    """Return the requests that a person asked for or gains by, by any account."""
    own = accounts_of(humans_of(person))
    asked = spoken_by(own, "requested_by_id", "requested_at")
    return Q(requested_by_id__in=own) | Q(owner_id__in=own) | asked


def register_changers() -> None:
    """Register the changes of people; called once, when the app is ready."""
    changer = PermissionChanger(CHANGE_USER, lock_person, apply_rights_change)
    register(ChangeRequest.Kind.ROLE, changer)
