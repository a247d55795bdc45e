"""A forgotten password: a link by mail, good for one hour and one use."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.models import Session, User
from accounts.services.password_reset import mail_password_reset
from accounts.services.people import update_user
from audit.models import AuditEvent
from tests.browsing import sign_in
from tests.people import PASSWORD, People

ASK = "/accounts/password/reset/"
NEW = "another long passphrase 7"

pytestmark = pytest.mark.usefixtures("spacious_limits")


def link_to(email: str) -> str:
    mail_password_reset(email)
    found = re.search(
        r"http://[^/]+(/accounts/password/reset/key/\S+)", str(mail.outbox[-1].body)
    )
    assert found
    return found[1]


def set_new(client: Client, link: str) -> Any:
    form = client.get(link)
    if form.status_code != 302:
        return form
    return client.post(form["Location"], {"password1": NEW, "password2": NEW})


def test_the_link_sets_a_password_once_and_ends_every_sign_in(
    client: Client, carol: User
):
    elsewhere = Client()
    sign_in(elsewhere, carol)
    link = link_to("CAROL@example.com")

    response = set_new(client, link)

    assert response["Location"] == f"{ASK}key/done/"
    carol.refresh_from_db()
    assert carol.check_password(NEW)
    assert elsewhere.get("/accounts/sessions/").status_code == 302
    assert Session.objects.get().end_reason == "password_changed"
    asked = AuditEvent.objects.get(action="user.password_reset_asked")
    assert asked.target_id == carol.pk


def test_a12_a_used_link_is_dead(client: Client, carol: User):
    link = link_to("carol@example.com")
    set_new(client, link)
    carol.refresh_from_db()
    assert carol.check_password(NEW)
    before = carol.password

    response = set_new(Client(), link)

    assert response.status_code == 200
    assert "already been used or is too old" in response.content.decode()
    carol.refresh_from_db()
    assert carol.password == before


def test_a12_a_sign_in_kills_the_links_before_it(client: Client, carol: User):
    link = link_to("carol@example.com")
    body = {"username": "carol", "password": PASSWORD}
    assert client.post("/accounts/login/", body).status_code == 302

    response = set_new(Client(), link)

    assert response.status_code == 200
    assert "already been used or is too old" in response.content.decode()
    carol.refresh_from_db()
    assert carol.check_password(PASSWORD)


def test_a12_the_link_leads_to_our_own_address_whatever_host_was_sent(
    client: Client, carol: User, settings: Any
):
    settings.ALLOWED_HOSTS = ["*"]
    settings.BASE_URL = "https://platform.example.com"
    forged = {"Host": "evil.example"}
    asked = client.post(ASK, {"email": "carol@example.com"}, headers=forged)
    assert (asked.status_code, asked["Location"]) == (302, f"{ASK}done/")

    mail_password_reset("carol@example.com")

    assert "https://platform.example.com/accounts/" in mail.outbox[-1].body
    assert "evil.example" not in mail.outbox[-1].body


def test_known_and_unknown_addresses_get_one_answer(client: Client, people: People):
    known = client.post(ASK, {"email": "carol@example.com"})
    unknown = client.post(ASK, {"email": "nobody@example.com"})

    assert (known.status_code, known["Location"]) == (302, f"{ASK}done/")
    assert (unknown.status_code, unknown["Location"]) == (302, f"{ASK}done/")
    assert mail_password_reset("nobody@example.com") == 0
    assert mail.outbox == []


def test_a_deactivated_person_gets_no_link(people: People):
    assert mail_password_reset("carol@example.com") == 1
    mail.outbox.clear()
    update_user(user=people.carol, acting=people.alice, is_active=False)

    assert mail_password_reset("carol@example.com") == 0
    assert mail.outbox == []
