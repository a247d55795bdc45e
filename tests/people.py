"""The same few people in every test: their roles are the test's first fact.

alice is an admin; bob manages team North, to which carol belongs; dave is a user
without a team; eve manages team South. Everybody's password is PASSWORD.
"""

from __future__ import annotations

import functools
import pickle
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import transaction
from django.db.models import DateTimeField, Model
from django.test import override_settings
from django.utils import timezone

from accounts.models import Team, User
from accounts.services.people import create_team, create_user
from audit.base.context import System
from audit.models import AuditEvent
from tests.rollback import rolled_back

PASSWORD = "correct horse battery staple"
SETUP = System("tests")


# For settings.PASSWORD_HASHERS.
HASHERS = ["tests.people.FastHasher"]


class FastHasher(PBKDF2PasswordHasher):
    """The real algorithm with one round, so that a person costs no time."""

    iterations = 1


@dataclass(frozen=True, slots=True)
class People:
    alice: User
    bob: User
    carol: User
    dave: User
    eve: User
    north: Team
    south: Team


def make_people() -> People:
    """Make everybody: write again, as of now, what the services once wrote."""
    people, events = pickle.loads(record_people())  # noqa: S301 - our own.
    persons = [people.alice, people.bob, people.carol, people.dave, people.eve]
    now = timezone.now()
    for row in (people.north, people.south, *persons, *events):
        _date(row, now)
    with transaction.atomic():
        Team.objects.bulk_create([people.north, people.south])
        User.objects.bulk_create(persons)
        AuditEvent.objects.bulk_create(events)
    for person in persons:
        person.authenticated_at = now
    return people


@functools.cache
def record_people() -> bytes:
    """Return the people and their events as the services make them, taken back since.

    Five sixths of what a test with people costs were the services' work. Recorded
    before the first test, so that none of them, with its frozen clock or settings of
    its own, leaves its mark on the others'.
    """
    with rolled_back(), override_settings(PASSWORD_HASHERS=HASHERS):
        before = list(AuditEvent.objects.values_list("pk", flat=True))
        people = _make_by_services()
        events = list(AuditEvent.objects.exclude(pk__in=before).order_by("pk"))
    return pickle.dumps((people, events))


def _make_by_services() -> People:
    north = create_team(name="North", acting=SETUP)
    south = create_team(name="South", acting=SETUP)
    return People(
        alice=make_person("alice", User.Role.ADMIN),
        bob=make_person("bob", User.Role.MANAGER, north),
        carol=make_person("carol", User.Role.USER, north),
        dave=make_person("dave", User.Role.USER),
        eve=make_person("eve", User.Role.MANAGER, south),
        north=north,
        south=south,
    )


def _date(row: Model, now: datetime) -> None:
    """Let a row be of now in each of its columns that has a time."""
    for field in row._meta.concrete_fields:
        if isinstance(field, DateTimeField) and getattr(row, field.attname) is not None:
            setattr(row, field.attname, now)


def make_person(
    username: str, role: str = User.Role.USER, team: Team | None = None
) -> User:
    """Make one more person, whose password is PASSWORD; they have just signed in."""
    person = create_user(
        username=username,
        password=PASSWORD,
        role=role,
        team=team,
        email=f"{username.strip()}@example.com",
        acting=SETUP,
    )
    person.authenticated_at = timezone.now()
    return person
