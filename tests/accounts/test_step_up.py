"""What is dangerous takes a proof that is at most five minutes old."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Session, User
from audit.models import AuditEvent
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

    response = client.post(STEP_UP, {"password": PASSWORD})

    assert response.status_code == 200
    proved_at = Session.objects.get().authenticated_at
    assert timezone.now() - proved_at < timedelta(minutes=1)
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


@pytest.mark.parametrize(
    "passkey", [{}, {"id": "AA"}, {"response": 7}, {"id": "AA", "rawId": "AA"}]
)
def test_a_made_up_passkey_is_refused(
    client_for: Callable[..., APIClient], bob: User, passkey: dict[str, Any]
):
    client = client_for(bob)
    age_proofs()

    response = client.post(STEP_UP, {"passkey": passkey})

    assert response.status_code == 401
    assert client.post(f"{STEP_UP}passkey/").status_code == 401


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
