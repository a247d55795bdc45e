"""Reads about people: whom a person may see, and live sign-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from accounts.core.roles import MANAGER, has_capability, needs_second_factor
from accounts.models import Provisioning, Session, User
from audit.base.context import Principal
from audit.base.core.clocks import CLOCK_TOLERANCE
from audit.base.prepared import first_row

_Row = TypeVar("_Row", bound=Model)

# With types of their own, as audit.base.prepared wants them.
_SESSION_COLUMNS = {
    "id": "text",
    "user_id": "text",
    "kind": "text",
    "authenticated_at": "timestamptz",
    "last_seen_at": "timestamptz",
}
_USER_COLUMNS = {
    "password": "text",
    "last_login": "timestamptz",
    "is_superuser": "boolean",
    "id": "text",
    "username": "text",
    "full_name": "text",
    "email": "text",
    "role": "text",
    "team_id": "text",
    "is_active": "boolean",
    "date_joined": "timestamptz",
    "same_person_as_id": "text",
    "erased_at": "timestamptz",
    "first_password_ends_at": "timestamptz",
}
_WANTED = [
    *(f"s.{name}::{kind}" for name, kind in _SESSION_COLUMNS.items()),
    *(f"u.{name}::{kind}" for name, kind in _USER_COLUMNS.items()),
]
_LIVE_SESSION = f"""
SELECT {", ".join(_WANTED)}
FROM accounts_session s JOIN accounts_user u ON u.id = s.user_id
WHERE s.id = %(session)s AND s.user_id = %(user)s AND s.kind = %(kind)s
    AND s.ended_at IS NULL AND s.expires_at > %(now)s AND s.idles_at > %(now)s
    AND s.created_at <= %(soon)s
    AND u.is_active
"""  # noqa: S608 - constants only.


def owners_visible_to(user: User) -> QuerySet[User]:
    """Return the people whose agents and transactions `user` may see.

    Everybody for a person who can view all data, the own team for a manager, else only
    themselves; nobody for a deactivated account. Source: Security Considerations, RBAC.
    """
    if not user.is_active:
        return User.objects.none()
    if has_capability(user.role, "can_view_all_data"):
        return User.objects.all()
    if user.role == MANAGER and user.team_id is not None:
        return User.objects.filter(Q(pk=user.pk) | Q(team=user.team_id))
    return User.objects.filter(pk=user.pk)


def humans_of(*people: User) -> frozenset[str]:
    """Return the humans who may act through these accounts, by User.human_id.

    That is the person, and every person who made or re-armed the account, until another
    administrator confirms it (C16); and the makers of those makers.
    1 query, and 1 more for each step.
    """
    humans = frozenset(person.human_id for person in people)
    return _joined(humans, makers_of)


def accounts_of(humans: Iterable[str]) -> QuerySet[User]:
    """Return all accounts whose word is of any of these humans, as humans_of() does.

    1 query, and 1 more for each step.
    """
    ids = list(_joined(frozenset(humans), _made_by))
    return User.objects.filter(_of(ids))


def own_accounts(person: User) -> QuerySet[User]:
    """Return accounts_of(humans_of(person)): 1 query where all are confirmed."""
    if unconfirmed().exists():
        return accounts_of(humans_of(person))
    return User.objects.filter(_of([person.human_id]))


def serves_oneself(acting: Principal, user_id: str) -> bool:
    """Return whether four eyes keep a caller from deciding what serves that person.

    The caller is that person, or shares a human with them (humans_of()).
    """
    if not settings.FOUR_EYES:
        return False
    if acting.principal_id == user_id:
        return True
    if not isinstance(acting, User):
        return False
    return accounts_of(humans_of(acting)).filter(pk=user_id).exists()


def unconfirmed() -> QuerySet[Provisioning]:
    """Return what was done to accounts that no other administrator has confirmed."""
    return Provisioning.objects.filter(confirmed_at=None)


def acts_waiting(person: User) -> QuerySet[Provisioning]:
    """Return what others did to an account and nobody has confirmed: 1 query."""
    return unconfirmed().filter(user=person).select_related("made_by")


def makers_of(humans: Iterable[str]) -> QuerySet[User]:
    """Return who made or re-armed accounts of these humans, unconfirmed.

    If somebody else could use a maker's account at that time, they are a maker, too.
    """
    given = unconfirmed().filter(_of(humans, "user__"))
    if not given.exists():  # As mostly: the statement below costs ten times as much.
        return User.objects.none()
    spoke = speakers_of(given, "made_by", "made_at").values("pk")
    return User.objects.filter(Q(pk__in=given.values("made_by")) | Q(pk__in=spoke))


def speakers_of(
    rows: QuerySet[Any], by: str = "created_by", at: str = "created_at"
) -> QuerySet[User]:
    """Return who could speak through the accounts that wrote rows, when they did.

    Confirming an account makes its later words its person's alone, not its earlier
    ones. `by` and `at` name the columns that say who wrote a row, and when. Makers of
    accounts that are still unconfirmed are left to humans_of().
    """
    acts = _open_when_written(rows, by, at)
    earlier = _open_when_written(acts, "made_by", "made_at")
    found = Q(pk__in=acts.values("made_by")) | Q(pk__in=earlier.values("made_by"))
    return User.objects.filter(found)


def spoken_by(own: QuerySet[User], by: str, at: str) -> Q:
    """Return which rows any of these accounts could have written through another.

    The inverse of speakers_of().
    """
    theirs = Q(made_by__in=own)
    through = Provisioning.objects.filter(theirs, **_open_at("made_by", "made_at"))
    acts = Provisioning.objects.filter(theirs | Q(Exists(through)))
    return Q(Exists(acts.filter(**_open_at(by, at))))


def _open_when_written(rows: QuerySet[Any], by: str, at: str) -> QuerySet[Provisioning]:
    during = {f"{at}__gte": OuterRef("made_at"), f"{at}__lt": OuterRef("confirmed_at")}
    written = rows.filter(**{by: OuterRef("user")}, **during)
    return Provisioning.objects.filter(Exists(written))


def _open_at(by: str, at: str) -> dict[str, OuterRef]:
    return {
        "user": OuterRef(by),
        "made_at__lte": OuterRef(at),
        "confirmed_at__gt": OuterRef(at),
    }


def _made_by(humans: Iterable[str]) -> QuerySet[User]:
    if not unconfirmed().exists():  # As above.
        return User.objects.none()
    own = User.objects.filter(_of(humans))
    by_them = Q(made_by__in=own) | spoken_by(own, "made_by", "made_at")
    given = unconfirmed().filter(by_them)
    return User.objects.filter(pk__in=given.values("user"))


def _of(humans: Iterable[str], path: str = "") -> Q:
    ids = list(humans)
    return Q(**{f"{path}pk__in": ids}) | Q(**{f"{path}same_person_as__in": ids})


def _joined(
    humans: frozenset[str], step: Callable[[Iterable[str]], QuerySet[User]]
) -> frozenset[str]:
    """Return humans and whom a step leads to from them, step by step."""
    found, new = humans, humans
    while new:
        reached = step(new).only("same_person_as")
        new = frozenset(person.human_id for person in reached) - found
        found |= new
    return found


def live_sessions(user: User, *, now: datetime) -> QuerySet[Session]:
    """Return the person's sign-ins, by API and by browser, that have not ended."""
    return _live(now).filter(user=user)


def live_session(
    session_id: str, user_id: str, *, kind: str, now: datetime
) -> Session | None:
    """Return a live sign-in with its active user: one query, on every request.

    What few requests want, as the telephone number, is read when it is asked for.
    """
    parameters = {"session": session_id, "user": user_id, "kind": kind, "now": now}
    parameters["soon"] = now + CLOCK_TOLERANCE
    row = first_row(_LIVE_SESSION, parameters)
    if row is None:
        return None
    of_user = len(_SESSION_COLUMNS)
    session = _from_row(Session, _SESSION_COLUMNS, row[:of_user])
    session.user = _from_row(User, _USER_COLUMNS, row[of_user:])
    return session


def _from_row(model: type[_Row], columns: Iterable[str], row: Iterable[Any]) -> _Row:
    """Return a stored row of which some columns were read, in whatever order."""
    read = dict(zip(columns, row, strict=True))
    # from_db() goes by the order of the model's fields alone.
    names = [one.attname for one in model._meta.concrete_fields if one.attname in read]
    return model.from_db(DEFAULT_DB_ALIAS, names, [read[name] for name in names])


def person_of_address(addresses: Sequence[str]) -> User | None:
    """Return the one active person with one of these addresses; None if several."""
    matches = Q(pk__in=[])
    for address in addresses:
        matches |= Q(email__iexact=address)
    found = list(User.objects.filter(matches, is_active=True)[:2])
    return found[0] if len(found) == 1 else None


def method_of(session_id: str) -> str:
    """Return how a sign-in's person proved who they are."""
    found = Session.objects.filter(pk=session_id).values_list("method", flat=True)
    return found.first() or "password"


def _live(now: datetime) -> QuerySet[Session]:
    """Return what has begun and not ended.

    A sign-in that a clock made which was ahead would last until that time and longer.
    """
    begun = Session.objects.filter(created_at__lte=now + CLOCK_TOLERANCE)
    return begun.filter(ended_at=None, expires_at__gt=now, idles_at__gt=now)


def factor_types(user: User) -> frozenset[str]:
    """Return the kinds of second factor that a person has enrolled: one query.

    Recovery codes do not count: they only replace a factor.
    """
    factors = Authenticator.objects.filter(user=user)
    found = factors.exclude(type=Authenticator.Type.RECOVERY_CODES)
    return frozenset(found.values_list("type", flat=True))


def owes_second_factor(user: User) -> bool:
    """Return whether a person must enrol a second factor before anything else.

    Source: staff and approvers, wherever MFA_REQUIRED is on.
    """
    return (
        settings.MFA_REQUIRED
        and needs_second_factor(user.role)
        and not factor_types(user)
    )
