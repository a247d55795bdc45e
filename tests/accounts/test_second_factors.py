"""Second factors at sign-in, by page and by API."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Session, User
from accounts.seals import person_proving, unseal
from audit.models import AuditEvent
from tests.browsing import sign_in
from tests.people import PASSWORD, People
from tests.second_factors import code_of, enrol_app, factors_of, recovery_codes

LOGIN = "/accounts/login/"
SECOND = "/accounts/second-factors/authenticate/"
TOKEN = "/api/v1/auth/token/"
NOT_RIGHT = "The code is not right, or was used before."

pytestmark = pytest.mark.usefixtures("spacious_limits")


@pytest.fixture
def secret(bob: User) -> str:
    return enrol_app(bob)


def prove_password(client: Client, username: str = "bob") -> Any:
    return client.post(LOGIN, {"username": username, "password": PASSWORD})


def is_signed_in(client: Client) -> bool:
    return client.get("/accounts/sessions/").status_code == 200


def ask_token(client: APIClient, **extra: Any) -> Any:
    return client.post(TOKEN, {"username": "bob", "password": PASSWORD} | extra)


def test_the_password_alone_opens_nothing(client: Client, secret: str):
    response = prove_password(client)

    assert (response.status_code, response["Location"]) == (302, SECOND)
    assert not is_signed_in(client)
    assert Session.objects.count() == 0


def test_the_code_of_the_app_completes_the_sign_in(client: Client, secret: str):
    prove_password(client)

    response = client.post(SECOND, {"code": code_of(secret)})

    assert (response.status_code, response["Location"]) == (302, "/")
    assert is_signed_in(client)
    assert Session.objects.get().method == "password+totp"
    event = AuditEvent.objects.get(action="user.signed_in")
    assert event.details["method"] == "password+totp"


def test_a_wrong_code_is_refused_counted_and_told(client: Client, secret: str):
    prove_password(client)

    response = client.post(SECOND, {"code": code_of(secret, steps=99)})

    assert response.status_code == 200
    assert NOT_RIGHT in response.content.decode()
    assert not is_signed_in(client)
    event = AuditEvent.objects.get(action="user.sign_in_failed")
    assert event.details == {"reason": "second_factor", "via": "page"}
    assert event.target_label == "bob"


def test_a13_a_code_counts_once_also_when_the_cache_is_emptied(
    client: Client, secret: str
):
    code = code_of(secret)
    prove_password(client)
    client.post(SECOND, {"code": code})
    assert is_signed_in(client)
    cache.clear()

    other = Client()
    prove_password(other)
    response = other.post(SECOND, {"code": code})

    assert response.status_code == 200
    assert NOT_RIGHT in response.content.decode()
    assert not is_signed_in(other)


def test_a13_guesses_are_throttled_by_the_lock_out(
    client: Client, api: Callable[..., APIClient], secret: str
):
    prove_password(client)

    statuses = [
        client.post(SECOND, {"code": f"{guess:06}"}).status_code for guess in range(5)
    ]

    assert statuses == [200, 200, 200, 200, 429]
    assert client.post(SECOND, {"code": code_of(secret)}).status_code == 429
    assert not is_signed_in(client)
    assert prove_password(Client()).status_code == 429
    assert ask_token(api(), otp=code_of(secret)).status_code == 429


@pytest.mark.usefixtures("committed_db")
def test_a13_one_code_sixteen_times_at_once_signs_in_once(
    people: People, api: Callable[..., APIClient], settings: Any
):
    settings.AXES_FAILURE_LIMIT = 100
    code = code_of(enrol_app(people.bob))
    barrier, statuses = threading.Barrier(16), []

    def ask() -> None:
        client = api()
        barrier.wait()
        statuses.append(ask_token(client, otp=code).status_code)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200] + [401] * 15
    assert Session.objects.count() == 1


def test_a14_a_recovery_code_counts_once(client: Client, bob: User, secret: str):
    first, second, *_ = recovery_codes(bob)
    for code, expected in ((first, True), (first, False), (second, True)):
        browser = Client()
        prove_password(browser)
        browser.post(SECOND, {"code": code})
        assert is_signed_in(browser) is expected


def test_a14_recovery_codes_and_secrets_are_unreadable_in_the_database(
    bob: User, secret: str
):
    codes = recovery_codes(bob)
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(data::text, ' ') FROM mfa_authenticator")
        stored = cursor.fetchone()[0]

    assert factors_of(bob) == ["recovery_codes", "totp"]
    assert secret not in stored
    assert len(codes) == 10
    assert not [code for code in codes if code in stored]
    # A reader of the specification could compute all of them.
    row = Authenticator.objects.get(type="recovery_codes")
    with person_proving(bob):
        assert unseal(row.data["seed"]) not in stored


def test_a15_staff_without_a_second_factor_can_only_enrol(
    client: Client, alice: User, settings: Any
):
    settings.MFA_REQUIRED = True
    sign_in(client, alice)

    for address in ("/", "/admin/", "/admin/accounts/user/", "/approvals/", "/agents/"):
        response = client.get(address)
        assert (response.status_code, response["Location"]) == (
            302,
            "/accounts/second-factors/",
        ), address
    assert client.get("/accounts/second-factors/").status_code == 200
    assert client.get("/accounts/second-factors/app/add/").status_code == 200


def test_a15_after_enrolment_the_console_opens(
    client: Client, alice: User, settings: Any
):
    settings.MFA_REQUIRED = True
    sign_in(client, alice)
    page = client.get("/accounts/second-factors/app/add/")
    code = code_of(page.context["form"].secret)

    response = client.post("/accounts/second-factors/app/add/", {"code": code})

    assert response["Location"] == "/accounts/second-factors/codes/"
    assert len(client.get(response["Location"]).context["unused_codes"]) == 10
    assert client.get("/admin/").status_code == 200
    added = AuditEvent.objects.filter(action="second_factor.added")
    assert {event.details["type"] for event in added} == {"recovery_codes", "totp"}


def test_a15_by_api_staff_enrol_first_too(
    api: Callable[..., APIClient], bob: User, carol: User, settings: Any
):
    settings.MFA_REQUIRED = True

    response = ask_token(api())

    assert response.status_code == 403
    assert response.json()["code"] == "second_factor_enrolment_required"
    assert Session.objects.count() == 0
    assert ask_token(api(), username="carol").status_code == 200


def test_the_last_factor_of_an_approver_stays(
    client: Client, bob: User, secret: str, settings: Any
):
    settings.MFA_REQUIRED = True
    sign_in(client, bob)

    kept = client.post("/accounts/second-factors/app/remove/")

    assert (kept.status_code, kept.get("Location")) == (200, None)
    assert factors_of(bob) == ["totp"]
    settings.MFA_REQUIRED = False
    assert client.post("/accounts/second-factors/app/remove/").status_code == 302
    assert factors_of(bob) == []


@pytest.mark.parametrize(
    ("address", "login"),
    [
        ("/", LOGIN),
        ("/dashboard/", LOGIN),
        ("/approvals/", LOGIN),
        ("/admin/", "/admin/login/"),
    ],
)
def test_a16_the_step_cannot_be_skipped_by_address(
    client: Client, secret: str, address: str, login: str
):
    prove_password(client)

    response = client.get(address)
    next_page = f"{login}?next={address}"
    assert (response.status_code, response["Location"]) == (302, next_page)
    assert not is_signed_in(client)
    client.post(SECOND, {"code": code_of(secret)})
    assert is_signed_in(client)


@pytest.mark.parametrize(
    "body", [{}, {"code": ""}, {"credential": ""}, {"credential": "null"}]
)
def test_a16_an_empty_post_does_not_pass(
    client: Client, secret: str, body: dict[str, str]
):
    prove_password(client)

    assert client.post(SECOND, body).status_code == 200
    assert not is_signed_in(client)
    client.post(SECOND, {"code": code_of(secret)})
    assert is_signed_in(client)


def test_a16_without_the_password_the_step_sends_back(client: Client, secret: str):
    response = client.post(SECOND, {"code": code_of(secret)})

    assert (response.status_code, response["Location"]) == (302, LOGIN)


def test_a17_another_persons_code_is_refused(client: Client, people: People):
    own = enrol_app(people.bob)
    others = enrol_app(people.carol)
    prove_password(client)

    response = client.post(SECOND, {"code": code_of(others)})

    assert response.status_code == 200
    assert NOT_RIGHT in response.content.decode()
    assert not is_signed_in(client)
    client.post(SECOND, {"code": code_of(own)})
    assert is_signed_in(client)


def test_a17_a_secret_moved_to_another_person_is_void_and_told(
    client: Client, people: People
):
    enrol_app(people.bob)
    mine = enrol_app(people.carol)
    stolen = Authenticator.objects.get(user=people.carol).data
    Authenticator.objects.filter(user=people.bob).update(data=stolen)
    client.raise_request_exception = False
    prove_password(client)

    response = client.post(SECOND, {"code": code_of(mine)})

    assert response.status_code == 500
    assert not is_signed_in(client)
    event = AuditEvent.objects.get(action="decryption.failed")
    assert event.target_id == people.bob.pk


def test_b18_the_session_id_changes_at_sign_in(client: Client, secret: str):
    prove_password(client)
    before = client.cookies["session"].value

    client.post(SECOND, {"code": code_of(secret)})

    assert is_signed_in(client)
    assert client.cookies["session"].value != before


def test_by_api_the_code_goes_with_the_password(
    api: Callable[..., APIClient], secret: str
):
    missing = ask_token(api())
    wrong = ask_token(api(), otp="000000")
    right = ask_token(api(), otp=code_of(secret))

    assert (missing.status_code, missing.json()["code"]) == (
        401,
        "second_factor_required",
    )
    assert (wrong.status_code, wrong.json()["code"]) == (401, "second_factor_refused")
    assert right.status_code == 200
    assert Session.objects.get().method == "password+totp"


def test_by_api_a_wrong_password_does_not_tell_of_the_second_factor(
    api: Callable[..., APIClient], secret: str
):
    response = ask_token(api(), password="wrong", otp=code_of(secret))

    assert response.status_code == 401
    assert response.json()["code"] == "invalid_credentials"


def test_an_administrator_removes_lost_factors_and_ends_the_sign_ins(
    client: Client, people: People, secret: str, client_for: Callable[..., APIClient]
):
    theirs = client_for(people.bob)
    sign_in(client, people.alice)

    client.post(
        "/admin/accounts/user/",
        {"action": "remove_second_factors", "_selected_action": [people.bob.pk]},
    )

    assert factors_of(people.bob) == []
    assert theirs.get("/api/v1/me/").status_code == 401
    event = AuditEvent.objects.get(action="second_factor.reset")
    assert (event.actor_label, event.target_label) == ("alice", "bob")


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options"])
def test_pages_of_proof_take_no_method_that_goes_past_their_limits(
    client: Client, bob: User, secret: str, method: str
):
    sign_in(client, bob)

    for address in ("app/remove/", "passkeys/1/remove/", "reauthenticate/"):
        response = getattr(client, method)(f"/accounts/second-factors/{address}")
        assert response.status_code == 405, address
    assert getattr(client, method)("/accounts/login/").status_code == 405
    assert factors_of(bob) == ["totp"]
