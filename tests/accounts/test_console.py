"""People in the security console."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from accounts.models import Provisioning, Session, Team, User
from accounts.services.people import update_user
from accounts.services.sign_in import start_session
from audit.models import AuditEvent
from security.changes.models import ChangeRequest
from tests.browsing import sign_in
from tests.people import PASSWORD, People, make_person

PEOPLE = "/admin/accounts/user/"


@pytest.fixture
def console(alice: User) -> Client:
    client = Client()
    sign_in(client, alice)
    return client


def change_of(person: User, **changes: object) -> dict[str, object]:
    """The change form as the page would send it, with some fields changed."""
    form = {
        "full_name": person.full_name,
        "email": person.email,
        "phone": "",
        "role": person.role,
        "team": person.team_id or "",
        "is_active": "on",
    }
    return {**form, **changes}


def _(answer: Any) -> str:
    return str(answer.content.decode())


def test_n2_only_admins_enter(people: People):
    for person in (people.bob, people.carol, people.eve):
        client = Client()
        sign_in(client, person)

        answer = client.get(PEOPLE)
        assert (answer.status_code, answer["Location"]) == (
            302,
            f"/admin/login/?next={PEOPLE}",
        )


def test_the_list_shows_people_with_their_sessions(console: Client, people: People):
    start_session(request=RequestFactory().post("/"), user=people.carol)

    response = console.get(PEOPLE)

    assert response.status_code == 200
    rows = {
        p.username: p.live_session_count for p in response.context["cl"].result_list
    }
    assert rows == {"alice": 1, "bob": 0, "carol": 1, "dave": 0, "eve": 0}


def test_n4_no_form_shows_a_hash(console: Client, carol: User):
    answer = console.get(f"{PEOPLE}{carol.pk}/change/")

    page = answer.content.decode()
    assert answer.status_code == 200
    assert answer.context["adminform"].form.instance == carol
    assert f'value="{carol.email}"' in page
    assert carol.password.startswith("pbkdf2")
    assert carol.password not in page
    assert "pbkdf2" not in page


def test_a_change_goes_through_the_service(console: Client, alice: User, carol: User):
    body = change_of(carol, role="manager", full_name="Carol C.")

    response = console.post(f"{PEOPLE}{carol.pk}/change/", body)

    assert response.status_code == 302, response.context["adminform"].form.errors
    carol.refresh_from_db()
    assert (carol.role, carol.full_name) == ("manager", "Carol C.")
    event = AuditEvent.objects.get(action="user.updated")
    assert (event.actor_id, event.target_id) == (alice.pk, carol.pk)


def test_an_auditor_is_made_by_ticking_a_box(console: Client, dave: User):
    permission = Permission.objects.get(codename="view_auditevent")
    body = change_of(dave, permissions=[permission.pk])

    console.post(f"{PEOPLE}{dave.pk}/change/", body)

    assert User.objects.get(pk=dave.pk).has_perm("audit.view_auditevent")


def test_only_the_grantable_permissions_can_be_ticked(console: Client, dave: User):
    permission = Permission.objects.get(codename="change_user")
    body = change_of(dave, permissions=[permission.pk])

    response = console.post(f"{PEOPLE}{dave.pk}/change/", body)

    assert response.status_code == 200
    assert set(response.context["adminform"].form.errors) == {"permissions"}
    assert not dave.user_permissions.exists()


def test_n3_an_admin_does_not_deactivate_themselves(console: Client, alice: User):
    response = console.post(
        f"{PEOPLE}{alice.pk}/change/", change_of(alice, is_active=""), follow=True
    )

    assert "Nobody can change their own role" in response.content.decode()
    alice.refresh_from_db()
    assert (alice.role, alice.is_active) == ("admin", True)
    assert not AuditEvent.objects.filter(action="user.updated").exists()


def test_n3_an_admins_own_role_waits_and_says_so(console: Client, alice: User):
    response = console.post(
        f"{PEOPLE}{alice.pk}/change/", change_of(alice, role="user"), follow=True
    )

    asked = ChangeRequest.objects.get()
    told = f"Your own rights wait for another administrator to agree: {asked.pk}."
    assert told in response.content.decode()
    alice.refresh_from_db()
    assert alice.role == "admin"


def test_c4_fields_that_the_form_lacks_are_ignored(console: Client, carol: User):
    hostile = {"is_superuser": "on", "username": "root", "is_staff": "on"}
    body = change_of(carol, **hostile, password="x", full_name="Carol C.")

    assert console.post(f"{PEOPLE}{carol.pk}/change/", body).status_code == 302

    carol.refresh_from_db()
    assert carol.full_name == "Carol C."
    assert (carol.username, carol.is_superuser, carol.role) == ("carol", False, "user")
    assert carol.check_password(PASSWORD)


def test_c16_a_person_is_made_without_a_password_and_led_to_their_link(
    console: Client, alice: User
):
    body = {"username": "frank", "password": PASSWORD, "role": "user", "phone": ""}

    response = console.post(f"{PEOPLE}add/", body)

    frank = User.objects.get(username="frank")
    assert (response.status_code, response["Location"]) == (
        302,
        f"{PEOPLE}{frank.pk}/password/",
    )
    assert not frank.has_usable_password()
    event = AuditEvent.objects.get(action="user.created", target_id=frank.pk)
    assert event.actor_id == alice.pk


def test_a_taken_name_is_told_and_nothing_is_made(console: Client, people: People):
    body = {"username": "CAROL", "password": PASSWORD, "role": "user", "phone": ""}

    response = console.post(f"{PEOPLE}add/", body, follow=True)

    assert "taken" in response.content.decode()
    assert User.objects.count() == 5


def test_c16_an_admin_starts_a_reset_and_chooses_nothing(
    console: Client, carol: User, settings: Settings
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    address = f"{PEOPLE}{carol.pk}/password/"
    assert console.get(address).status_code == 200

    page = console.post(address, {"password": "another long passphrase"})

    carol.refresh_from_db()
    assert carol.check_password(PASSWORD)
    [link] = re.findall(r">http://[^/]+(/accounts/password/\S+)</code>", _(page))
    assert link not in _(console.get(address))
    form = Client().get(link, follow=True)
    assert form.status_code == 200
    assert "When you set it, all your sign-ins end." in _(form)


def test_c16_where_there_is_mail_the_link_goes_to_its_person_only(
    console: Client, carol: User
):
    page = console.post(f"{PEOPLE}{carol.pk}/password/")

    assert "A link was mailed to carol@example.com." in _(page)
    assert "/accounts/password/reset/key/" not in _(page)
    [sent] = mail.outbox
    assert sent.to == ["carol@example.com"]
    assert "/accounts/password/reset/key/" in sent.body


def test_c16_what_others_did_is_listed_and_confirmed(console: Client, people: People):
    heidi = make_person("heidi", User.Role.ADMIN)
    update_user(user=people.bob, acting=heidi, email="b@example.com")
    page = _(console.get(f"{PEOPLE}{people.bob.pk}/change/"))
    assert "e-mail changed by heidi" in page

    body = {"action": "confirm", "_selected_action": [people.bob.pk]}
    answer = console.post(PEOPLE, body, follow=True)

    assert "1 confirmed" in _(answer)
    assert Provisioning.objects.get().confirmed_by == people.alice
    assert "heidi" not in _(console.get(f"{PEOPLE}{people.bob.pk}/change/"))


def test_ones_own_password_takes_the_old_one(console: Client, alice: User):
    body = {"password": "another long passphrase"}

    response = console.post(f"{PEOPLE}{alice.pk}/password/", body)

    assert response["Location"] == "/accounts/password/"
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_nobody_is_deleted(console: Client, carol: User):
    assert console.post(f"{PEOPLE}{carol.pk}/delete/").status_code == 403
    selected = {"_selected_action": [carol.pk], "post": "yes"}
    answer = console.post(PEOPLE, {"action": "delete_selected", **selected})

    assert answer.status_code == 302
    assert User.objects.filter(pk=carol.pk).exists()


def test_n1_deactivating_in_bulk_spares_oneself(console: Client, people: People):
    body = {
        "action": "deactivate",
        "_selected_action": [people.alice.pk, people.carol.pk],
    }

    response = console.post(PEOPLE, body, follow=True)

    assert "1 deactivated" in response.content.decode()
    active = User.objects.filter(is_active=True).values_list("username", flat=True)
    assert sorted(active) == ["alice", "bob", "dave", "eve"]


def test_sessions_are_read_only_and_can_be_ended(console: Client, carol: User):
    start_session(request=RequestFactory().post("/"), user=carol)
    session = Session.objects.get(user=carol)
    address = "/admin/accounts/session/"

    assert console.get(address).status_code == 200
    assert console.get(f"{address}add/").status_code == 403
    page = console.get(f"{address}{session.pk}/change/")
    assert page.status_code == 200
    assert f"carol since {session.created_at:%Y-%m-%d %H:%M}" in page.content.decode()
    assert session.refresh_hash not in page.content.decode()
    console.post(address, {"action": "end", "_selected_action": [session.pk]})

    session.refresh_from_db()
    assert session.end_reason == "by_administrator"


def test_teams_are_made_and_renamed(console: Client, people: People):
    console.post("/admin/accounts/team/add/", {"name": "West"})
    address = f"/admin/accounts/team/{people.north.pk}/change/"
    console.post(address, {"name": "North-East"})

    names = sorted(Team.objects.values_list("name", flat=True))
    assert names == ["North-East", "South", "West"]
    assert console.get("/admin/accounts/team/").status_code == 200


def test_lock_outs_are_listed_and_released(console: Client, carol: User):
    for _ in range(5):
        Client().post(
            "/accounts/login/", {"username": "carol", "password": "wrong password"}
        )
    attempt = AccessAttempt.objects.get()
    address = "/admin/axes/accessattempt/"
    assert console.get(address).status_code == 200

    console.post(address, {"action": "release", "_selected_action": [attempt.pk]})

    assert not AccessAttempt.objects.exists()
    assert AuditEvent.objects.filter(action="user.lock_out_released").count() == 1


def test_groups_have_no_console(db: None):
    assert not admin.site.is_registered(Group)


def test_n8_the_console_has_no_sign_in_of_its_own(alice: User):
    client = Client()
    body = {"username": "alice", "password": PASSWORD}

    page, attempt = client.get("/admin/login/"), client.post("/admin/login/", body)

    assert page["Location"] == "/accounts/login/?next=/admin/"
    assert attempt["Location"] == "/accounts/login/?next=/admin/"
    assert "_auth_user_id" not in client.session


def test_a_phone_is_one_line(console: Client, carol: User):
    for page in ("add", f"{carol.pk}/change"):
        html = console.get(f"{PEOPLE}{page}/").content.decode()
        assert '<input type="tel" name="phone"' in html


def test_the_console_speaks_the_words_of_the_site(console: Client):
    html = console.get("/admin/").content.decode()

    for shown in ("Failed sign-ins", "Sign out", 'href="/dashboard/"'):
        assert shown in html
    for gone in ("Axes", "Log out", "Recent actions", "activitys"):
        assert gone not in html
    assert 'href="/accounts/password/"' in console.get("/dashboard/").content.decode()
