"""A confirmed account is its person's alone: what its maker may hold of it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Session, User
from accounts.queries import humans_of
from accounts.services.password_reset import mail_password_reset, start_password_reset
from accounts.services.people import update_user
from accounts.services.provisioning import confirm_account
from tests.browsing import sign_in
from tests.people import PASSWORD, People, make_person
from tests.second_factors import enrol_app, factors_of, recovery_codes

CHOSEN = "chosen by whoever has the link 7"

pytestmark = pytest.mark.usefixtures("spacious_limits")


@pytest.fixture
def heidi(people: People) -> User:
    """A second administrator."""
    return make_person("heidi", "admin")


@pytest.fixture
def bob(people: People) -> User:
    """bob, who has no e-mail address: the starter of his reset gets the link."""
    User.objects.filter(pk=people.bob.pk).update(email="")
    people.bob.refresh_from_db()
    return people.bob


def start(person: User, by: User) -> str:
    link = start_password_reset(user=person, acting=by)
    assert link is not None
    return urlsplit(link).path


def choose(client: Client, link: str, password: str = CHOSEN) -> Any:
    form = client.get(link)
    if form.status_code != 302:
        return form
    return client.post(form["Location"], {"password1": password, "password2": password})


def token(password: str) -> Any:
    body = {"username": "bob", "password": password}
    return APIClient().post("/api/v1/auth/token/", body)


def test_c16_confirming_ends_the_link_that_its_maker_holds(
    client: Client, alice: User, bob: User, heidi: User
):
    link = start(bob, alice)
    confirm_account(user=bob, acting=heidi)
    before = User.objects.get(pk=bob.pk).password

    answer = choose(client, link)

    assert answer.status_code == 200
    assert "already been used or is too old" in answer.content.decode()
    bob.refresh_from_db()
    assert bob.password == before
    assert humans_of(bob) == {bob.pk}


def test_c16_a_link_that_was_opened_before_ends_too(
    client: Client, alice: User, bob: User, heidi: User
):
    form = client.get(start(bob, alice))
    assert form.status_code == 302
    confirm_account(user=bob, acting=heidi)
    before = User.objects.get(pk=bob.pk).password

    answer = client.post(form["Location"], {"password1": CHOSEN, "password2": CHOSEN})

    assert answer.status_code == 200
    assert "already been used or is too old" in answer.content.decode()
    assert User.objects.get(pk=bob.pk).password == before


def test_c16_nor_does_a_link_mailed_to_an_address_that_the_maker_gave_last(
    client: Client, alice: User, bob: User, heidi: User
):
    update_user(user=bob, acting=alice, email="alices@example.com")
    assert mail_password_reset("alices@example.com") == 1
    link = urlsplit(str(mail.outbox[-1].body).partition("http")[2].split()[0]).path
    confirm_account(user=bob, acting=heidi)

    choose(client, link[link.index("/accounts/") :])

    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


def test_c16_confirming_ends_sign_ins_factors_and_identities_since_the_act(
    alice: User, bob: User, heidi: User
):
    long_ago = timezone.now() - timedelta(days=9)
    enrol_app(bob)
    SocialAccount.objects.create(user=bob, provider="sso", uid="bobs")
    Authenticator.objects.filter(user=bob).update(created_at=long_ago)
    SocialAccount.objects.update(date_joined=long_ago)
    start(bob, alice)
    recovery_codes(bob)
    SocialAccount.objects.create(user=bob, provider="sso", uid="alices")
    browser = Client()
    sign_in(browser, bob)

    confirm_account(user=bob, acting=heidi)

    assert browser.get("/accounts/sessions/").status_code == 302
    assert Session.objects.get(user=bob).end_reason == "confirmed"
    assert factors_of(bob) == ["totp"]
    assert SocialAccount.objects.get(user=bob).uid == "bobs"


def test_c16_a_password_that_the_maker_chose_opens_only_the_choice_of_another(
    client: Client, alice: User, bob: User, heidi: User
):
    assert choose(client, start(bob, alice)).status_code == 302
    confirm_account(user=bob, acting=heidi)

    first = token(CHOSEN)

    assert (first.status_code, first.json()["code"]) == (403, "own_password_required")
    assert token(CHOSEN).status_code == 401
    assert not Session.objects.filter(user=bob, ended_at=None).exists()
    link = urlsplit(first.json()["detail"].partition("Open ")[2].split()[0]).path
    own = "chosen by bob himself, and by nobody else 3"
    assert choose(Client(), link, own).status_code == 302
    assert token(own).status_code == 200


def test_a_new_role_gives_its_giver_no_key_so_confirming_it_takes_none(
    alice: User, bob: User, heidi: User
):
    update_user(user=bob, acting=alice, role="admin")
    enrol_app(bob)

    confirm_account(user=bob, acting=heidi)

    bob.refresh_from_db()
    assert bob.first_password_ends_at is None
    assert factors_of(bob) == ["totp"]


def test_an_ended_first_password_does_not_come_back(
    alice: User, bob: User, heidi: User
):
    ended = timezone.now() - timedelta(days=2)
    User.objects.filter(pk=bob.pk).update(first_password_ends_at=ended)
    start(bob, alice)

    confirm_account(user=bob, acting=heidi)

    bob.refresh_from_db()
    assert bob.first_password_ends_at == ended
