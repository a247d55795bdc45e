from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.errors import (
    OwnAuthorityRefused,
    TeamNameTaken,
    UsernameRefused,
    UsernameTaken,
    WeakPassword,
)
from accounts.models import Team, User
from accounts.services.people import create_team, create_user, rename_team, update_user
from audit.base.errors import NameRefused
from audit.models import AuditEvent
from security.changes.models import ChangeRequest
from security.errors import StepUpRequired
from tests.people import PASSWORD, SETUP, People, make_person


def test_a_person_is_made_and_told_of(alice: User):
    user = create_user(username="frank", role="manager", acting=alice)

    assert not user.has_usable_password()
    event = AuditEvent.objects.get(action="user.created", target_id=user.pk)
    assert (event.actor_id, event.owner_id) == (alice.pk, user.pk)
    assert event.details == {"role": "manager", "team": ""}


@pytest.mark.parametrize("taken", ["carol", "CAROL", " carol ", "ｃarol"])
def test_a18_a_name_is_taken_in_all_its_spellings(people: People, taken: str):
    with pytest.raises(UsernameTaken):
        make_person(taken)

    assert User.objects.count() == 5


@pytest.mark.parametrize(
    "name", ["", " ", "a\x00b", "a b", "a\u202eb", "x" * 151, "<b>"]
)
def test_a_name_nobody_can_have_is_refused(people: People, name: str):
    with pytest.raises(UsernameRefused):
        make_person(name)

    assert User.objects.count() == 5


@pytest.mark.parametrize(
    "password", ["short", "Qwerty123456", "1qaz2wsx3edc", "frank.frank.frank"]
)
def test_a10_weak_passwords_are_refused(db: None, password: str):
    with pytest.raises(WeakPassword):
        create_user(
            username="frank.frank", password=password, role="user", acting=SETUP
        )

    assert not User.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    "password",
    ["twelve chars", "pass phrase with spaces", "ünïcödé pässwörd", "x1" * 64],
)
def test_a10_long_passphrases_are_welcome(db: None, password: str):
    user = create_user(username="frank", password=password, role="user", acting=SETUP)

    assert user.check_password(password)


def test_without_a_password_nobody_signs_in(db: None):
    user = create_user(username="frank", password=None, role="user", acting=SETUP)

    assert not user.has_usable_password()


def test_changes_are_told_as_old_and_new(alice: User, carol: User):
    update_user(
        user=carol,
        acting=alice,
        full_name="Carol C.",
        role="manager",
        phone="+1-555-0100",
        email=carol.email,
    )

    carol.refresh_from_db()
    assert (carol.full_name, carol.role) == ("Carol C.", "manager")
    assert carol.phone == "+1-555-0100"
    event = AuditEvent.objects.get(action="user.updated")
    assert event.details == {
        "changes": {
            "full_name": ["", "Carol C."],
            "role": ["user", "manager"],
            "phone": ["****", "****"],
        }
    }


def test_no_change_is_no_event(alice: User, carol: User):
    update_user(user=carol, acting=alice, role="user", email=carol.email)

    assert not AuditEvent.objects.filter(action="user.updated").exists()


def test_an_administrator_who_is_demoted_is_no_superuser(alice: User):
    root = User.objects.create_superuser("root", "", PASSWORD)

    update_user(user=root, acting=alice, role="user")

    root.refresh_from_db()
    assert not root.is_superuser
    assert not root.has_perm("accounts.change_user")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"role": "user"}, {"role": ["admin", "user"]}),
        (
            {"permissions": frozenset({"audit.view_auditevent"})},
            {"permissions": [[], ["audit.view_auditevent"]]},
        ),
    ],
)
def test_n3_an_admins_own_rights_wait_for_a_second_one(
    alice: User, changes: dict, told: dict
):
    asked = update_user(user=alice, acting=alice, full_name="Al", **changes)

    assert asked is not None
    assert (asked.status, asked.changes) == ("waiting", told)
    alice.refresh_from_db()
    assert (alice.role, alice.full_name) == ("admin", "Al")
    assert not alice.user_permissions.exists()


def test_n3_nobody_deactivates_themselves(alice: User):
    with pytest.raises(OwnAuthorityRefused):
        update_user(user=alice, acting=alice, is_active=False, role="user")

    alice.refresh_from_db()
    assert (alice.role, alice.is_active) == ("admin", True)
    assert not AuditEvent.objects.filter(action="user.updated").exists()
    assert not ChangeRequest.objects.exists()


def test_c8_a_manager_does_not_even_ask_to_be_an_admin(bob: User):
    with pytest.raises(OwnAuthorityRefused):
        update_user(user=bob, acting=bob, role="admin")

    bob.refresh_from_db()
    assert bob.role == "manager"
    assert not ChangeRequest.objects.exists()


def test_n3_nor_their_own_team(bob: User, eve: User):
    with pytest.raises(OwnAuthorityRefused):
        update_user(user=bob, acting=bob, team=eve.team)

    bob.refresh_from_db()
    assert str(bob.team) == "North"


def test_one_may_change_ones_own_name(alice: User):
    update_user(user=alice, acting=alice, full_name="Alice A.")

    alice.refresh_from_db()
    assert alice.full_name == "Alice A."


def test_permissions_are_set_exactly(alice: User, dave: User):
    both = frozenset({"audit.view_auditevent", "audit.export_auditevent"})
    update_user(user=dave, acting=alice, permissions=both)
    update_user(
        user=dave, acting=alice, permissions=frozenset({"audit.view_auditevent"})
    )

    held = [permission.codename for permission in dave.user_permissions.all()]
    assert held == ["view_auditevent"]
    event = AuditEvent.objects.filter(action="user.updated").first()
    assert event.details["changes"]["permissions"] == [
        "audit.export_auditevent, audit.view_auditevent",
        "audit.view_auditevent",
    ]


def test_no_permission_but_the_grantable_can_be_given(alice: User, dave: User):
    with pytest.raises(AssertionError):
        update_user(
            user=dave, acting=alice, permissions=frozenset({"accounts.change_user"})
        )

    assert not dave.user_permissions.exists()


def test_a_teams_name_is_its_own(people: People):
    with pytest.raises(TeamNameTaken):
        create_team(name="North", acting=people.alice)
    with pytest.raises(TeamNameTaken):
        rename_team(team=people.south, name="North", acting=people.alice)

    assert sorted(Team.objects.values_list("name", flat=True)) == ["North", "South"]


@pytest.mark.parametrize("name", ["", " North", "No\nrth", "No\u202erth"])
def test_a_teams_name_reads_as_it_is_stored(people: People, name: str):
    with pytest.raises(NameRefused):
        create_team(name=name, acting=people.alice)
    with pytest.raises(NameRefused):
        rename_team(team=people.south, name=name, acting=people.alice)

    assert sorted(Team.objects.values_list("name", flat=True)) == ["North", "South"]


def test_a_team_is_renamed_and_told_of(people: People):
    rename_team(team=people.south, name="West", acting=people.alice)

    event = AuditEvent.objects.get(action="team.updated")
    assert event.details == {"changes": {"name": ["South", "West"]}}


def test_g1_the_phone_number_is_encrypted_at_rest(alice: User, carol: User):
    update_user(user=carol, acting=alice, phone="+1-555-0100")

    with connection.cursor() as cursor:
        cursor.execute("SELECT phone FROM accounts_user WHERE id = %s", [carol.pk])
        (stored,) = cursor.fetchone()
    assert b"0100" not in bytes(stored)
    assert bytes(stored).startswith(b"gAAAA")


@pytest.mark.parametrize(
    "change",
    [{"role": "manager"}, {"permissions": frozenset({"audit.view_auditevent"})}],
)
def test_changing_rights_takes_a_fresh_proof(people: People, change: dict):
    people.alice.authenticated_at = timezone.now() - timedelta(minutes=6)

    with pytest.raises(StepUpRequired):
        update_user(user=people.carol, acting=people.alice, **change)

    people.carol.refresh_from_db()
    assert people.carol.role == "user"
    assert not people.carol.user_permissions.exists()
    assert not AuditEvent.objects.filter(action="user.updated").exists()


def test_stopping_somebody_never_waits_for_a_proof(people: People):
    people.alice.authenticated_at = None

    update_user(user=people.carol, acting=people.alice, is_active=False)

    people.carol.refresh_from_db()
    assert not people.carol.is_active
