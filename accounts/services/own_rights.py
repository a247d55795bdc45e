"""An administrator's own rights: asked for, and given by a second one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from accounts.errors import OwnAuthorityRefused
from accounts.models import Team, User
from audit.base.context import Principal
from security.changes.models import ChangeRequest
from security.changes.services import Proposal, request_change
from security.errors import ChangeSuperseded

CHANGE_USER = "accounts.change_user"


def ask_for_own_rights(
    person: User, wanted: Mapping[str, Any], *, acting: Principal
) -> ChangeRequest | None:
    """Ask a second administrator for what differs; None if nothing does.

    `wanted` is of PersonChanges. In the transaction of the caller, who holds the
    person's row. Raises OwnAuthorityRefused.
    """
    stored = {name: _stored(value) for name, value in wanted.items()}
    is_active = stored.pop("is_active", person.is_active)
    base = _rights(person, stored)
    payload = {name: value for name, value in stored.items() if value != base[name]}
    if is_active != person.is_active or (payload and not person.has_perm(CHANGE_USER)):
        raise OwnAuthorityRefused
    if not payload:
        return None
    proposal = Proposal(
        kind=ChangeRequest.Kind.ROLE,
        target_id=person.pk,
        target_label=person.username,
        owner_id=person.pk,
        payload=payload,
        base={name: base[name] for name in payload},
        changes={name: [base[name], value] for name, value in payload.items()},
    )
    return request_change(proposal, acting=acting)


def wanted_rights(person: User, change: ChangeRequest) -> dict[str, Any]:
    """Return what a request asks for, as PersonChanges.

    Raises ChangeSuperseded if the person's rights are not what they were, or the
    person may no longer change anybody's.
    """
    if not person.has_perm(CHANGE_USER):
        raise ChangeSuperseded("Who asked for it may no longer do so.")
    if _rights(person, change.base) != change.base:
        raise ChangeSuperseded
    wanted = dict(change.payload)
    if "permissions" in wanted:
        wanted["permissions"] = frozenset(wanted["permissions"])
    if wanted.get("team") is not None:
        wanted["team"] = Team.objects.get(pk=wanted["team"])
    if wanted.get("same_person_as") is not None:
        wanted["same_person_as"] = User.objects.get(pk=wanted["same_person_as"])
    return wanted


def _rights(person: User, names: Iterable[str]) -> dict[str, Any]:
    """Return a person's rights of these names, as a request stores them."""
    given = person.user_permissions.select_related("content_type")
    rights = {
        "role": person.role,
        "team": person.team_id,
        "same_person_as": person.same_person_as_id,
        "permissions": sorted(
            f"{permission.content_type.app_label}.{permission.codename}"
            for permission in given
        ),
    }
    return {name: rights[name] for name in names}


def _stored(value: Any) -> Any:
    """Return a wanted right as a request stores it."""
    match value:
        case Team() | User():
            return value.pk
        case frozenset():
            return sorted(value)
    return value
