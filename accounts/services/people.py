"""People and teams: making and changing them, passwords."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypedDict, Unpack, cast

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Permission
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.core.roles import GRANTABLE_PERMISSIONS
from accounts.core.usernames import canonical_username
from accounts.errors import (
    LinkRefused,
    OwnAuthorityRefused,
    PersonErased,
    TeamNameTaken,
    UsernameRefused,
    UsernameTaken,
    WeakPassword,
)
from accounts.models import Team, User
from accounts.queries import serves_oneself
from accounts.services.own_rights import ask_for_own_rights, wanted_rights
from accounts.services.provisioning import ACTS, Act, note_provisioning
from accounts.services.sessions import end_all_sessions, target
from audit.base.context import Principal
from audit.base.core.visible import is_readable
from audit.base.errors import NameRefused, NotPermitted
from audit.base.readable import check_line
from audit.services.recording import record
from security.changes.four_eyes import four_eyes_note
from security.changes.models import ChangeRequest
from security.step_up import require_step_up, takes_proof


class PersonChanges(TypedDict, total=False):
    """What an administrator may change of a person; absent means as it was."""

    full_name: str
    email: str
    phone: str
    role: str
    team: Team | None
    is_active: bool
    permissions: frozenset[str]
    same_person_as: User | None


AUTHORITY = frozenset({"role", "team", "is_active", "permissions", "same_person_as"})
# What takes a fresh proof to change: rights and identity. Stopping
# somebody never waits for one.
PROVED = frozenset({"role", "permissions", "same_person_as", "team", "email"})
SECRET_FIELDS = frozenset({"phone"})
# What others read of a person.
TEXTS = ("full_name", "email", "phone")


@takes_proof
def create_user(
    *,
    username: str,
    role: str,
    acting: Principal,
    password: str | None = None,
    password_lasts: timedelta | None = None,
    team: Team | None = None,
    full_name: str = "",
    email: str = "",
    phone: str = "",
) -> User:
    """Make a person, who cannot sign in until they have chosen a password.

    Only commands give one; with `password_lasts` it ends then, or at its first use.
    Raises NotPermitted, UsernameRefused, UsernameTaken (case does not matter),
    NameRefused, WeakPassword, StepUpRequired.
    """
    if password is not None and acting.kind != "system":
        raise NotPermitted("People choose their passwords themselves.")
    name = canonical_username(username)
    if name is None:
        raise UsernameRefused(pointer="/username")
    _check_texts({"full_name": full_name, "email": email, "phone": phone})
    user = User(
        username=name,
        role=role,
        team=team,
        full_name=full_name,
        email=email,
        phone=phone,
        first_password_ends_at=_from_now(password_lasts),
    )
    _check_password(password, user)
    user.set_password(password)
    try:
        with transaction.atomic(durable=True):
            user.save(force_insert=True)
            record(
                "user.created",
                target=target(user),
                owner_id=user.pk,
                details={"role": user.role, "team": str(team or "")},
                actor=acting,
            )
            note_provisioning(user, Act.MADE, acting=acting)
    except IntegrityError as error:
        if "username_once" not in str(error):
            raise
        raise UsernameTaken(pointer="/username") from error
    return user


def update_user(
    *, user: User, acting: Principal, **changes: Unpack[PersonChanges]
) -> ChangeRequest | None:
    """Change a person; a new role or a deactivation ends all their sign-ins.

    A new e-mail address unlinks the identities of single sign-on.

    Changed rights need a fresh proof of the acting person: raises StepUpRequired. An
    administrator's own rights wait for a second administrator: the rest is done, and
    the change request is returned. Others cannot change their own rights, and nobody
    can deactivate themselves: raises OwnAuthorityRefused. An erased person cannot be
    changed: raises PersonErased. Names with invisible characters raise NameRefused.
    `same_person_as` links a second account to the first one of the same human: raises
    LinkRefused for a chain. The row is locked, so that the later of two administrators
    sees the change of the earlier.
    """
    wanted = cast("dict[str, object]", changes)
    _check_texts(wanted)
    with transaction.atomic(durable=True):
        person = _locked(user, wanted)
        if person.erased_at is not None:
            raise PersonErased
        if changes.get("is_active") is False and acting.principal_id == person.pk:
            raise OwnAuthorityRefused
        asked = None
        if serves_oneself(acting, person.pk):
            authority = {name: wanted.pop(name) for name in AUTHORITY & wanted.keys()}
            asked = ask_for_own_rights(person, authority, acting=acting)
        recorded = _change(person, wanted, acting=acting)
        if PROVED & recorded.keys() or recorded.get("is_active") == ["False", "True"]:
            require_step_up(acting)
        for name in ACTS.keys() & recorded.keys():
            note_provisioning(person, ACTS[name], acting=acting)
    return asked


def _locked(user: User, wanted: Mapping[str, object]) -> User:
    """Lock a person, and whom they are to be linked to, in one order."""
    other = wanted.get("same_person_as")
    ids = {user.pk, *([other.pk] if isinstance(other, User) else [])}
    rows = User.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    return {row.pk: row for row in rows}[user.pk]


def apply_rights_change(change: ChangeRequest, *, acting: Principal) -> None:
    """Give a person the rights that a second person approved (security/changes).

    Raises ChangeSuperseded if their rights are not what they were, or the person may
    no longer change anybody's.
    """
    person = User.objects.select_for_update().get(pk=change.target_id)
    wanted = wanted_rights(person, change)
    _change(person, wanted, acting=acting, more_details={"change_request": change.pk})


def _change(
    person: User,
    wanted: Mapping[str, object],
    *,
    acting: Principal,
    more_details: Mapping[str, object] | None = None,
) -> dict[str, list[str]]:
    """Save and record what differs; return the recorded changes, if any."""
    plain = {name: value for name, value in wanted.items() if name != "permissions"}
    if "same_person_as" in plain:
        _check_link(person, plain["same_person_as"])
    recorded = _apply(person, plain)
    if "permissions" in wanted:
        recorded |= _grant(person, cast("frozenset[str]", wanted["permissions"]))
    if not recorded:
        return recorded
    person.save(update_fields=[name for name in recorded if name != "permissions"])
    record(
        "user.updated",
        target=target(person),
        owner_id=person.pk,
        details={"changes": recorded, **(more_details or four_eyes_note())},
        actor=acting,
    )
    if "email" in recorded:
        # An identity that the old address opened would outlive it.
        SocialAccount.objects.filter(user=person).delete()
    if "role" in recorded or "is_active" in recorded:
        reason = "role_changed" if "role" in recorded else "deactivated"
        end_all_sessions(person, acting, reason)
    return recorded


def _apply(person: User, changes: Mapping[str, object]) -> dict[str, list[str]]:
    """Set what differs, and return it as the log records it: name -> [old, new]."""
    recorded = {}
    for name, new in changes.items():
        old = getattr(person, name)
        if old == new:
            continue
        setattr(person, name, new)
        is_secret = name in SECRET_FIELDS
        recorded[name] = ["****", "****"] if is_secret else [str(old), str(new)]
    if "role" in recorded and person.role != User.Role.ADMIN and person.is_superuser:
        person.is_superuser = False
        recorded["is_superuser"] = ["True", "False"]
    return recorded


def _check_link(person: User, other: object) -> None:
    """Raise LinkRefused unless a second account is linked to a first one, or to none.

    Never to one that is itself linked, so that all of a human's share one id.
    """
    if other is None or other == person.same_person_as:
        return
    assert isinstance(other, User)  # noqa: S101 - PersonChanges.
    first = User.objects.get(pk=other.pk)
    if first == person or first.same_person_as_id or person.other_accounts.exists():
        raise LinkRefused(pointer="/same_person_as")


def _grant(person: User, wanted: frozenset[str]) -> dict[str, list[str]]:
    """Give exactly the wanted ones of the grantable permissions, e.g. to an auditor."""
    assert wanted <= GRANTABLE_PERMISSIONS, "Roles give the others."  # noqa: S101
    held = {_spelled(permission) for permission in person.user_permissions.all()}
    if held == wanted:
        return {}
    codenames = [name.partition(".")[2] for name in wanted]
    person.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label="audit", codename__in=codenames
        )
    )
    return {"permissions": [", ".join(sorted(held)), ", ".join(sorted(wanted))]}


def _spelled(permission: Permission) -> str:
    return f"{permission.content_type.app_label}.{permission.codename}"


def set_password(
    *,
    user: User,
    password: str,
    acting: Principal,
    lasts: timedelta | None = None,
) -> None:
    """Set one's own new password after a proof; all sign-ins end.

    Commands set anybody's, which ends after `lasts` or at its first use. Raises
    NotPermitted, WeakPassword, PersonErased.
    """
    if acting.principal_id != user.pk and acting.kind != "system":
        raise NotPermitted("People choose their passwords themselves.")
    _check_password(password, user)
    user.set_password(password)
    user.first_password_ends_at = _from_now(lasts)
    with transaction.atomic(durable=True):
        if User.objects.select_for_update().get(pk=user.pk).erased_at is not None:
            raise PersonErased
        user.save(update_fields=["password", "first_password_ends_at"])
        record(
            "user.updated",
            target=target(user),
            owner_id=user.pk,
            details={"changes": {"password": ["****", "****"]}},
            actor=acting,
        )
        end_all_sessions(user, acting, "password_changed")


def _from_now(time: timedelta | None) -> datetime | None:
    return None if time is None else timezone.now() + time


def _check_texts(given: Mapping[str, object]) -> None:
    for field in TEXTS:
        check_line(str(given.get(field, "")), pointer=f"/{field}")


def _check_password(password: str | None, user: User) -> None:
    if password is None:
        return
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(" ".join(error.messages), pointer="/password") from error


def create_team(*, name: str, acting: Principal) -> Team:
    """Make a team. Raises NameRefused, TeamNameTaken."""
    if not is_readable(name):
        raise NameRefused(pointer="/name")
    team = Team(name=name)
    try:
        with transaction.atomic(durable=True):
            team.save(force_insert=True)
            record("team.created", target=("team", team.pk, team.name), actor=acting)
    except IntegrityError as error:
        raise TeamNameTaken(pointer="/name") from error
    return team


def rename_team(*, team: Team, name: str, acting: Principal) -> Team:
    """Give a team another name. Raises NameRefused, TeamNameTaken."""
    if not is_readable(name):
        raise NameRefused(pointer="/name")
    details = {"changes": {"name": [team.name, name]}}
    team.name = name
    try:
        with transaction.atomic(durable=True):
            team.save(update_fields=["name"])
            record(
                "team.updated",
                target=("team", team.pk, name),
                details=details,
                actor=acting,
            )
    except IntegrityError as error:
        raise TeamNameTaken(pointer="/name") from error
    return team
