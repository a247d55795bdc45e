"""A password that somebody else knows is good for one use, within a day (C16)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.core.passwords import FIRST_PASSWORD_LASTS
from accounts.models import Session, User
from accounts.services.people import set_password
from audit.models import AuditEvent
from tests.people import SETUP, People

FIRST, OWN = "given by somebody else 1", "chosen by carol herself 2"
TOKEN = "/api/v1/auth/token/"

pytestmark = pytest.mark.usefixtures("spacious_limits")


@pytest.fixture
def carol(people: People) -> User:
    """carol, whose password the operator set."""
    set_password(
        user=people.carol, password=FIRST, acting=SETUP, lasts=FIRST_PASSWORD_LASTS
    )
    return people.carol


def sign_in(password: str) -> Any:
    body = {"username": "carol", "password": password}
    return APIClient().post(TOKEN, body)


def choose(link: str) -> None:
    client = Client()
    form = client.get(link[link.index("/accounts/") :])
    answer = client.post(form["Location"], {"password1": OWN, "password2": OWN})
    assert answer.status_code == 302


def test_c16_a_first_password_opens_nothing_but_the_choice_of_ones_own(carol: User):
    answer = sign_in(FIRST)

    assert (answer.status_code, answer.json()["code"]) == (403, "own_password_required")
    assert not Session.objects.exists()
    used = AuditEvent.objects.get(action="user.first_password_used")
    assert (used.target_id, used.details["via"]) == (carol.pk, "api")
    assert sign_in(FIRST).status_code == 401
    failed = AuditEvent.objects.filter(action="user.sign_in_failed").latest("id")
    assert failed.details["reason"] == "first_password"

    choose(answer.json()["detail"].partition("Open ")[2])

    assert sign_in(OWN).status_code == 200
    assert sign_in(FIRST).status_code == 401


def test_c16_by_page_it_leads_to_the_choice(carol: User):
    client = Client()

    answer = client.post("/accounts/login/", {"username": "carol", "password": FIRST})

    assert answer.status_code == 302
    assert "/accounts/password/reset/key/" in answer["Location"]
    assert not Session.objects.exists()
    choose(answer["Location"])
    assert sign_in(OWN).status_code == 200


def test_c16_a_first_password_ends_after_a_day(carol: User):
    assert carol.first_password_ends_at is not None
    assert carol.first_password_ends_at < timezone.now() + timedelta(days=1)
    ended = timezone.now() - timedelta(seconds=1)
    User.objects.filter(pk=carol.pk).update(first_password_ends_at=ended)

    answer = sign_in(FIRST)

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    assert not Session.objects.exists()
