from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.core.passwords import FIRST_PASSWORD_LASTS
from accounts.models import Session, User
from audit.models import AuditEvent
from security.alerts.models import Alert
from tests.people import PASSWORD


@pytest.fixture
def create(monkeypatch: pytest.MonkeyPatch):
    def run(username: str) -> None:
        monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
        call_command(
            "createsuperuser",
            interactive=False,
            username=username,
            email="root@example.com",
            stdout=io.StringIO(),
        )

    return run


def test_n6_a_superuser_is_an_admin_and_told_of(db: None, create):
    create("root")

    user = User.objects.get()
    assert (user.username, user.role, user.is_superuser) == ("root", "admin", True)
    assert user.check_password(PASSWORD)
    event = AuditEvent.objects.get(action="user.created")
    assert (event.actor_kind, event.actor_label) == ("system", "createsuperuser")
    assert event.target_id == user.pk
    assert event.details == {"role": "admin", "is_superuser": True}
    alert = Alert.objects.get()
    assert (alert.metric, alert.count) == ("superuser_created", 1)


def test_c16_its_password_is_good_for_one_use_within_a_day(db: None, create):
    create("root")

    user = User.objects.get()
    assert user.first_password_ends_at is not None
    left = user.first_password_ends_at - timezone.now()
    assert timedelta(hours=23) < left <= FIRST_PASSWORD_LASTS
    body = {"username": "root", "password": PASSWORD}
    answer = APIClient().post("/api/v1/auth/token/", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "own_password_required")
    assert not Session.objects.exists()
    assert APIClient().post("/api/v1/auth/token/", body).status_code == 401


def test_a_taken_name_is_refused_whatever_its_case(db: None, create):
    create("root")

    with pytest.raises(CommandError, match="taken"):
        create("ROOT")

    assert User.objects.count() == 1


def test_a9_no_account_exists_by_default(db: None):
    assert not User.objects.exists()
