"""The same few people in every test: who they are is the test's first fact.

alice is an admin; bob manages team North, to which carol belongs; dave is a user
without a team; eve manages team South. Everybody's password is PASSWORD.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.utils import timezone

from accounts import services
from accounts.models import Team, User
from audit.context import System

PASSWORD = "correct horse battery staple"
SETUP = System("tests")


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
    """Make everybody through the services."""
    north = services.create_team(name="North", acting=SETUP)
    south = services.create_team(name="South", acting=SETUP)
    return People(
        alice=make_person("alice", User.Role.ADMIN),
        bob=make_person("bob", User.Role.MANAGER, north),
        carol=make_person("carol", User.Role.USER, north),
        dave=make_person("dave", User.Role.USER),
        eve=make_person("eve", User.Role.MANAGER, south),
        north=north,
        south=south,
    )


def make_person(
    username: str, role: str = User.Role.USER, team: Team | None = None
) -> User:
    """Make one more person, whose password is PASSWORD; they have just signed in."""
    person = services.create_user(
        username=username,
        password=PASSWORD,
        role=role,
        team=team,
        email=f"{username}@example.com",
        acting=SETUP,
    )
    person.authenticated_at = timezone.now()
    return person
