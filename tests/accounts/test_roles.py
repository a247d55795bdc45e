from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Permission

from accounts import queries
from accounts.core.roles import ROLE_PERMISSIONS, has_capability, permissions_of
from accounts.models import User
from accounts.services.people import create_user, update_user
from tests.people import SETUP, People


def test_the_role_table_is_the_seeds():
    assert {role: dict(row) for role, row in ROLE_PERMISSIONS.items()} == {
        "admin": {
            "can_manage_agents": True,
            "can_approve_transactions": True,
            "can_view_all_data": True,
        },
        "manager": {
            "can_manage_agents": True,
            "can_approve_transactions": True,
            "can_view_all_data": False,
        },
        "user": {
            "can_manage_agents": False,
            "can_approve_transactions": False,
            "can_view_all_data": False,
        },
    }


@pytest.mark.parametrize("role", ["", "root", "ADMIN", "admin "])
def test_an_unknown_role_has_nothing(role: str):
    assert permissions_of(role) == frozenset()
    assert not has_capability(role, "can_manage_agents")


def test_an_unknown_capability_is_had_by_nobody():
    assert not any(has_capability(role, "can_fly") for role in ROLE_PERMISSIONS)


@pytest.mark.parametrize(
    ("permission", "holders"),
    [
        ("agents.add_agent", {"alice", "bob", "eve"}),
        ("agents.change_policy", {"alice", "bob", "eve"}),
        ("transactions.approve_transaction", {"alice", "bob", "eve"}),
        ("audit.view_auditevent", {"alice"}),
        ("accounts.change_user", {"alice"}),
    ],
)
def test_has_perm_follows_the_role(people: People, permission: str, holders: set[str]):
    everybody = [people.alice, people.bob, people.carol, people.dave, people.eve]

    assert {p.username for p in everybody if p.has_perm(permission)} == holders


def test_only_admins_enter_the_console(people: People):
    everybody = [people.alice, people.bob, people.carol, people.dave, people.eve]

    assert [p.username for p in everybody if p.is_staff] == ["alice"]


def test_an_auditor_is_anyone_given_the_permission(dave: User, carol: User):
    permission = Permission.objects.get(codename="view_auditevent")
    dave.user_permissions.add(permission)

    assert dave.has_perm("audit.view_auditevent")
    assert not dave.has_perm("audit.export_auditevent")
    assert not carol.has_perm("audit.view_auditevent")


def test_a_deactivated_person_has_no_permission(alice: User, bob: User):
    for person in (alice, bob):
        assert User.objects.get(pk=person.pk).has_perm("agents.view_agent")
        person.is_active = False
        assert not person.has_perm("agents.view_agent")
        assert not person.has_module_perms("agents")
        assert person.get_all_permissions() == set()


def test_nobody_in_particular_has_no_permission(db: None):
    assert not AnonymousUser().has_perm("agents.view_agent")


def test_c9_a_permission_removed_is_gone_with_the_next_look(alice: User, dave: User):
    given = frozenset({"audit.view_auditevent"})
    update_user(user=dave, acting=alice, permissions=given)
    assert User.objects.get(pk=dave.pk).has_perm("audit.view_auditevent")

    update_user(user=dave, acting=alice, permissions=frozenset())

    assert not User.objects.get(pk=dave.pk).has_perm("audit.view_auditevent")


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("alice", {"alice", "bob", "carol", "dave", "eve"}),
        ("bob", {"bob", "carol"}),
        ("carol", {"carol"}),
        ("dave", {"dave"}),
        ("eve", {"eve"}),
    ],
)
def test_owners_are_visible_to_self_team_or_all(people: People, who: str, seen: set):
    owners = queries.owners_visible_to(getattr(people, who))

    assert {owner.username for owner in owners} == seen


def test_a_manager_without_a_team_sees_only_themselves(people: People):
    manager = create_user(
        username="mallory", password=None, role="manager", acting=SETUP
    )

    assert set(queries.owners_visible_to(manager)) == {manager}


def test_a_deactivated_person_sees_nobody(alice: User):
    assert queries.owners_visible_to(alice).exists()
    alice.is_active = False

    assert not queries.owners_visible_to(alice).exists()
