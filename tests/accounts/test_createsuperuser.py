from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from audit.models import AuditEvent
from security.models import Alert
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


def test_a_taken_name_is_refused_whatever_its_case(db: None, create):
    create("root")

    with pytest.raises(CommandError, match="taken"):
        create("ROOT")

    assert User.objects.count() == 1


def test_a9_no_account_exists_by_default(db: None):
    assert not User.objects.exists()
