from __future__ import annotations

import pytest

from accounts.models import Session, User
from audit.models import AuditEvent
from tests.accounts.hashing import CountingHasher
from tests.people import PASSWORD, make_person

URL = "/api/v1/auth/token/"

pytestmark = pytest.mark.usefixtures("spacious_limits")


def sign_in(client, username="carol", password=PASSWORD):
    return client.post(URL, {"username": username, "password": password})


def test_a_password_buys_a_pair_of_tokens(api, carol: User):
    response = sign_in(api())

    assert response.status_code == 200
    assert set(response.data) == {"access", "refresh", "expires_in"}
    assert response.data["expires_in"] == 3600
    me = api(token=response.data["access"]).get("/api/v1/me/")
    assert me.data["id"] == carol.pk


def test_signing_in_starts_one_session_and_tells_the_log_once(api, carol: User):
    sign_in(api(HTTP_USER_AGENT="curl/8"))

    session = Session.objects.get()
    assert (session.user, session.address) == (carol, "127.0.0.1")
    assert session.user_agent == "curl/8"
    event = AuditEvent.objects.get(action="user.signed_in")
    assert (event.actor_id, event.target_id) == (carol.pk, carol.pk)
    assert event.details == {"method": "password", "via": "api"}
    carol.refresh_from_db()
    assert carol.last_login is not None


def test_no_cookie_is_set_and_no_secret_is_stored(api, carol: User):
    response = sign_in(api())

    assert response.cookies == {}
    stored = str(list(Session.objects.values())) + str(
        list(AuditEvent.objects.values())
    )
    assert response.data["refresh"] not in stored
    assert response.data["access"] not in stored
    assert PASSWORD not in stored


@pytest.mark.parametrize("typed", ["carol", "CAROL", " carol ", "ｃａｒｏｌ"])
def test_a18_spellings_of_a_name_are_one_account(api, carol: User, typed: str):
    assert sign_in(api(), typed).status_code == 200


@pytest.mark.parametrize("typed", ["carol\u202e", "car\u200bol", "саrоl", "car ol"])
def test_a18_look_alikes_are_nobody(api, carol: User, typed: str):
    assert sign_in(api(), typed).status_code == 401


def test_a18_a_name_with_nul_is_refused(api, carol: User):
    assert sign_in(api(), "carol\x00").status_code == 400
    assert not Session.objects.exists()


def test_a7_unknown_wrong_and_inactive_get_equal_answers(api, carol: User):
    make_person("gone")
    User.objects.filter(username="gone").update(is_active=False)

    answers = [
        sign_in(api(), "nobody"),
        sign_in(api(), "carol", "wrong password"),
        sign_in(api(), "gone"),
    ]

    for response in answers:
        assert response.status_code == 401
        body = {**response.json(), "request_id": ""}
        assert body == {
            "type": "/errors/invalid_credentials/",
            "title": "Not authenticated",
            "status": 401,
            "detail": "The username or password is not right.",
            "instance": URL,
            "code": "invalid_credentials",
            "request_id": "",
        }
        assert response["Content-Type"] == "application/problem+json"
    assert not Session.objects.exists()


@pytest.mark.parametrize("username", ["carol", "nobody"])
def test_a7_an_unknown_name_pays_for_one_hash_as_a_known_one_does(
    api, carol: User, settings, username: str
):
    rounds = CountingHasher.watch(carol, settings)

    sign_in(api(), username, "wrong password")

    assert rounds == [1000]


def test_a8_an_inactive_person_gets_no_token(api, carol: User):
    User.objects.filter(pk=carol.pk).update(is_active=False)

    assert sign_in(api()).status_code == 401
    assert not Session.objects.exists()


def test_a_failure_is_told_to_the_log_with_its_reason(api, carol: User):
    sign_in(api(), "carol", "wrong password")

    event = AuditEvent.objects.get(action="user.sign_in_failed")
    assert (event.actor_kind, event.target_id) == ("anonymous", carol.pk)
    assert (event.owner_id, event.outcome) == (carol.pk, "failure")
    assert event.details == {"reason": "invalid_credentials", "via": "api"}


def test_a_name_that_nobody_has_is_not_kept(api, carol: User):
    sign_in(api(), "hunter2-is-my-password")

    event = AuditEvent.objects.get(action="user.sign_in_failed")
    assert (event.target_id, event.target_label) == ("", "unknown")
    assert "hunter2" not in str(event.details)


def test_a11_a_huge_password_is_refused_before_it_is_hashed(api, carol: User, settings):
    rounds = CountingHasher.watch(carol, settings)

    response = sign_in(api(), "carol", "x" * 60_000)

    assert response.status_code == 400
    assert [error["pointer"] for error in response.data["errors"]] == ["/password"]
    assert rounds == []
    assert not AuditEvent.objects.filter(action="user.sign_in_failed").exists()


def test_unknown_fields_are_refused(api, carol: User):
    body = {"username": "carol", "password": PASSWORD, "role": "admin"}

    response = api().post(URL, body)

    assert response.status_code == 400
    [error] = response.data["errors"]
    assert (error["pointer"], error["code"]) == ("/role", "unknown_field")
    assert "username" in error["allowed"]
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/username", "/password"]),
        ([], [""]),
        ({"username": "carol"}, ["/password"]),
        ({"username": 1.5}, ["/username", "/password"]),
    ],
)
def test_incomplete_bodies_are_refused(
    api, carol: User, body: object, pointers: list[str]
):
    response = api().post(URL, body)

    assert (response.status_code, response.data["code"]) == (400, "invalid_request")
    assert [error["pointer"] for error in response.data["errors"]] == pointers


def test_other_methods_are_refused(api, db: None):
    assert api().get(URL).status_code == 405


def test_a_bad_authorization_header_does_not_get_in_the_way(api, carol: User):
    assert sign_in(api(token="nonsense")).status_code == 200
