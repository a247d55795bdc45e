"""What is dangerous takes a proof that is at most five minutes old."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Session, User
from audit.models import AuditEvent
from tests.access.passkeys import answer_with, new_passkey, new_private_key
from tests.people import PASSWORD
from tests.second_factors import code_of, enrol_app

STEP_UP = "/api/v1/auth/step-up/"

pytestmark = pytest.mark.usefixtures("spacious_limits")


def age_proofs(minutes: float = 6) -> None:
    """Let the last proof of everybody who is signed in be so many minutes old."""
    Session.objects.update(authenticated_at=timezone.now() - timedelta(minutes=minutes))


def test_a_password_steps_up_whoever_has_nothing_better(
    client_for: Callable[..., APIClient], bob: User
):
    client = client_for(bob)
    age_proofs()
    asked_at = timezone.now()

    response = client.post(STEP_UP, {"password": PASSWORD})

    assert response.status_code == 200
    assert asked_at <= Session.objects.get().authenticated_at <= timezone.now()
    event = AuditEvent.objects.get(action="session.stepped_up")
    assert (event.actor_label, event.details) == ("bob", {"method": "password"})


def test_whoever_has_a_second_factor_proves_that(
    client_for: Callable[..., APIClient], bob: User
):
    client = client_for(bob)
    secret = enrol_app(bob)
    age_proofs()
    before = Session.objects.get().authenticated_at

    weak = client.post(STEP_UP, {"password": PASSWORD})
    wrong = client.post(STEP_UP, {"otp": "000000"})

    assert (weak.status_code, weak.json()["code"]) == (401, "second_factor_required")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "second_factor_refused")
    assert Session.objects.get().authenticated_at == before
    assert client.post(STEP_UP, {"otp": code_of(secret)}).status_code == 200
    assert Session.objects.get().authenticated_at > before


@pytest.mark.parametrize("body", [{}, {"otp": "1", "password": "2"}, {"x": 1}])
def test_exactly_one_proof_is_taken(
    client_for: Callable[..., APIClient], bob: User, body: dict[str, Any]
):
    assert client_for(bob).post(STEP_UP, body).status_code == 400


PASSKEY = f"{STEP_UP}passkey/"


def add_passkey(person: User) -> Any:
    """Register a passkey; return the private key, which only its owner's device has."""
    private_key = new_private_key()
    Authenticator.objects.create(
        user=person,
        type=Authenticator.Type.WEBAUTHN,
        data=new_passkey(private_key),
    )
    return private_key


@pytest.mark.parametrize(
    "passkey", [{}, {"id": "AA"}, {"response": 7}, {"id": "AA", "rawId": "AA"}]
)
def test_a_made_up_passkey_is_refused(
    client_for: Callable[..., APIClient], bob: User, passkey: dict[str, Any]
):
    client = client_for(bob)
    add_passkey(bob)
    age_proofs()
    before = Session.objects.get().authenticated_at
    assert client.post(PASSKEY).status_code == 200

    response = client.post(STEP_UP, {"passkey": passkey})

    assert response.status_code == 401
    assert response.json()["code"] == "second_factor_refused"
    assert Session.objects.get().authenticated_at == before


def test_a_passkey_proves_by_its_own_key_and_each_challenge_once(
    client_for: Callable[..., APIClient], bob: User
):
    client = client_for(bob)
    own = add_passkey(bob)
    age_proofs()
    before = Session.objects.get().authenticated_at

    forged = answer_with(new_private_key(), client.post(PASSKEY).json())
    assert client.post(STEP_UP, {"passkey": forged}).status_code == 401
    answer = answer_with(own, client.post(PASSKEY).json())
    Session.objects.update(challenge=None)
    assert client.post(STEP_UP, {"passkey": answer}).status_code == 401
    assert Session.objects.get().authenticated_at == before

    answer = answer_with(own, client.post(PASSKEY).json())
    assert client.post(STEP_UP, {"passkey": answer}).status_code == 200
    assert Session.objects.get().authenticated_at > before
    assert client.post(STEP_UP, {"passkey": answer}).status_code == 401


def test_without_a_passkey_there_is_no_challenge(
    client_for: Callable[..., APIClient], bob: User
):
    response = client_for(bob).post(PASSKEY)

    assert response.status_code == 409
    assert response.json()["code"] == "passkey_missing"


def test_one_wrong_code_is_told_to_the_log_once(
    client_for: Callable[..., APIClient], bob: User
):
    """Counted twice, three typing errors would lock a person."""
    client = client_for(bob)
    enrol_app(bob)

    assert client.post(STEP_UP, {"otp": "000000"}).status_code == 401

    told = AuditEvent.objects.filter(outcome__in=("failure", "refused"))
    assert [event.action for event in told] == ["user.sign_in_failed"]


def test_the_page_asks_and_goes_on_where_it_was_stopped(client: Client, bob: User):
    client.post("/accounts/login/", {"username": "bob", "password": PASSWORD})
    age_proofs()
    before = client.cookies["session"].value

    asked = client.get("/accounts/second-factors/app/add/")
    assert asked.status_code == 302
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    answered = client.post(asked["Location"], {"password": PASSWORD})

    assert answered["Location"] == "/accounts/second-factors/app/add/"
    assert client.get(answered["Location"]).status_code == 200
    assert client.cookies["session"].value != before
    event = AuditEvent.objects.get(action="session.stepped_up")
    assert event.details == {"method": "password"}


def test_a_wrong_password_at_step_up_counts_as_at_sign_in(client: Client, bob: User):
    client.post("/accounts/login/", {"username": "bob", "password": PASSWORD})
    age_proofs()
    asked = client.get("/accounts/second-factors/app/add/")

    statuses = [
        client.post(asked["Location"], {"password": "wrong"}).status_code
        for _ in range(5)
    ]

    assert statuses == [200, 200, 200, 200, 429]
