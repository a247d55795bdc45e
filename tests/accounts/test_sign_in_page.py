from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.services.sign_in import SIGN_IN
from audit.models import AuditEvent
from tests.accounts.hashing import CountingHasher
from tests.people import PASSWORD, People

URL = "/accounts/login/"


@pytest.fixture
def one_window() -> Iterator[None]:
    """Stop the clock: the page's limit is a fixed window, which must not end here."""
    with time_machine.travel(timezone.now(), tick=False):
        yield


@pytest.fixture
def count_hashes(carol: User, settings) -> list[int]:
    return CountingHasher.watch(carol, settings)


def sign_in(client: Client, username="carol", password=PASSWORD, **extra):
    return client.post(URL, {"username": username, "password": password}, **extra)


def test_the_page_asks_for_name_and_password(db: None):
    response = Client().get(URL)

    assert response.status_code == 200
    assert b'autocomplete="current-password"' in response.content


def test_signing_in_goes_home_and_is_told_once(carol: User):
    client = Client()

    response = sign_in(client)

    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.session["_auth_user_id"] == carol.pk
    event = AuditEvent.objects.get(action="user.signed_in")
    assert (event.actor_id, event.address) == (carol.pk, "127.0.0.1")
    assert event.details == {"method": "password", "via": "page"}


def test_next_is_followed_within_the_site_only(carol: User):
    body = {"username": "carol", "password": PASSWORD}

    near = Client().post(URL, {**body, "next": "/approvals/"})
    far = Client().post(URL, {**body, "next": "https://evil.example/"})

    assert near["Location"] == "/approvals/"
    assert far["Location"] == "/"


def test_b18_the_session_id_rotates_at_sign_in(carol: User):
    client = Client()
    session = client.session
    session["planted"] = True
    session.save()
    planted = session.session_key

    sign_in(client)

    assert client.session["_auth_user_id"] == carol.pk
    assert client.session.session_key != planted


def test_a7_wrong_unknown_and_inactive_look_the_same(people: People):
    User.objects.filter(username="dave").update(is_active=False)

    pages = [
        sign_in(Client(), "carol", "wrong password"),
        sign_in(Client(), "dave", PASSWORD, REMOTE_ADDR="198.51.100.1"),
        sign_in(Client(), "nobody", PASSWORD, REMOTE_ADDR="198.51.100.2"),
    ]

    for page in pages:
        assert page.status_code == 200
        assert b"The username or password is not right." in page.content
        assert "_auth_user_id" not in page.client.session


def test_it_takes_a_csrf_token(carol: User):
    client = Client(enforce_csrf_checks=True)

    assert sign_in(client).status_code == 403
    assert "_auth_user_id" not in client.session


def test_a3_spraying_from_one_address_meets_the_limit(one_window: None, people: People):
    client = Client()

    statuses = [
        sign_in(client, f"user{number}", "wrong password").status_code
        for number in range(8)
    ]

    assert statuses == [200] * 5 + [429] * 3


def test_a_limited_answer_says_when_to_come_back(one_window: None, carol: User):
    client = Client()
    for number in range(6):
        response = sign_in(client, f"user{number}", "wrong password")

    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 60


def test_a4_many_addresses_on_one_name_meet_the_limit(one_window: None, carol: User):
    statuses = [
        sign_in(
            Client(), "carol", "wrong password", REMOTE_ADDR=f"198.51.100.{number}"
        ).status_code
        for number in range(8)
    ]

    assert statuses == [200] * 5 + [429] * 3


def test_a4_the_owners_browser_still_gets_in_under_attack(
    one_window: None, carol: User
):
    own = Client()
    sign_in(own)
    own.post("/accounts/logout/")
    for number in range(12):
        sign_in(Client(), "carol", "wrong password", REMOTE_ADDR=f"198.51.100.{number}")

    assert sign_in(own)["Location"] == "/"


def test_a4_a_browser_known_for_one_name_is_a_stranger_to_another(
    one_window: None, people: People
):
    attacker = Client()
    sign_in(attacker, "dave")
    attacker.post("/accounts/logout/")
    for number in range(12):
        sign_in(Client(), "carol", "wrong password", REMOTE_ADDR=f"198.51.100.{number}")

    assert sign_in(attacker, "carol").status_code == 429


def test_d8_without_valkey_nobody_signs_in_and_it_is_503(carol: User, settings):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    client = Client()

    response = sign_in(client)

    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert "_auth_user_id" not in client.session


def test_a11_a_huge_password_is_refused_before_it_is_hashed(
    carol: User, count_hashes: list[int]
):
    response = sign_in(Client(), "carol", "x" * 60_000)

    assert response.status_code == 200
    assert set(response.context["form"].errors) == {"password"}
    assert count_hashes == []
    assert not AuditEvent.objects.filter(action="user.sign_in_failed").exists()


@pytest.mark.parametrize("name", ["carol\x00", "\x00", "x" * 5000, "\u202ecarol"])
def test_hostile_names_are_answered_like_wrong_ones(carol: User, name: str):
    client = Client()

    response = sign_in(client, name)

    assert response.status_code == 200
    assert response.context["form"].errors
    assert "_auth_user_id" not in client.session


def test_ending_the_sign_in_that_one_uses_is_signing_out(carol: User):
    client, elsewhere = Client(), Client()
    sign_in(client)
    sign_in(elsewhere)
    this = client.session[SIGN_IN]
    other = elsewhere.session[SIGN_IN]

    ended = client.post(f"/accounts/sessions/{other}/end/")
    assert (ended["Location"], "Clear-Site-Data" in ended) == (
        "/accounts/sessions/",
        False,
    )
    ended = client.post(f"/accounts/sessions/{this}/end/")
    assert ended["Location"] == "/accounts/login/"
    assert ended["Clear-Site-Data"] == '"cache", "storage"'


def test_signing_out_takes_a_post_and_is_told(carol: User):
    client = Client()
    sign_in(client)

    assert client.get("/accounts/logout/").status_code == 405
    answer = client.post("/accounts/logout/")
    assert answer.status_code == 302
    assert answer["Clear-Site-Data"] == '"cache", "storage"'

    assert "_auth_user_id" not in client.session
    event = AuditEvent.objects.get(action="user.signed_out")
    assert (event.actor_id, event.details) == (carol.pk, {"via": "page"})


def test_a8_a_deactivated_person_is_out_with_the_next_click(carol: User):
    client = Client()
    sign_in(client)
    page = "/accounts/password/"
    assert client.get(page).status_code == 200
    User.objects.filter(pk=carol.pk).update(is_active=False)

    answer = client.get(page)

    assert (answer.status_code, answer["Location"]) == (302, f"{URL}?next={page}")


def test_ones_own_password_is_changed_by_knowing_the_old(carol: User):
    client = Client()
    sign_in(client)
    new = "another long passphrase"
    body = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}

    response = client.post("/accounts/password/", body)

    assert response.status_code == 302
    carol.refresh_from_db()
    assert carol.check_password(new)
    assert client.get("/accounts/password/").status_code == 200
    event = AuditEvent.objects.get(action="user.updated")
    assert event.details == {"changes": {"password": ["****", "****"]}}


def test_not_knowing_the_old_password_changes_nothing(carol: User):
    client = Client()
    sign_in(client)
    new = "another long passphrase"
    body = {"old_password": "wrong", "new_password1": new, "new_password2": new}

    response = client.post("/accounts/password/", body)

    assert response.status_code == 200
    assert set(response.context["form"].errors) == {"old_password"}
    carol.refresh_from_db()
    assert carol.check_password(PASSWORD)


def test_a_wrong_password_is_the_next_thing_to_type(carol: User):
    first = Client().get(URL).context["form"]
    again = sign_in(Client(), password="wrong password").context["form"]

    assert "autofocus" in str(first["username"])
    assert "autofocus" not in str(again["username"])
    assert "autofocus" in str(again["password"])
