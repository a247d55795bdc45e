"""`manage.py changepassword`: the lost password's way back in."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from audit.models import AuditEvent
from platform_site.management.commands import changepassword

NEW = "a wholly different sentence"


@pytest.fixture
def typed(monkeypatch):
    """Type these at the prompts, one after the other."""

    def type_in(*answers: str) -> None:
        left = iter(answers)
        monkeypatch.setattr(changepassword, "getpass", lambda *_: next(left))

    return type_in


def test_a_new_password_is_set_audited_and_ends_the_sessions(carol, client_for, typed):
    client = client_for(carol)
    assert client.get("/api/v1/me/").status_code == 200
    typed(NEW, NEW)

    call_command("changepassword", "CAROL")

    carol.refresh_from_db()
    assert carol.check_password(NEW)
    assert client.get("/api/v1/me/").status_code == 401
    event = AuditEvent.objects.get(action="user.updated")
    assert (event.target_id, event.actor_label) == (carol.pk, "changepassword")


@pytest.mark.parametrize(
    ("answers", "told"),
    [((NEW, "another one of them"), "differ"), (("short", "short"), "too short")],
)
def test_what_differs_or_is_weak_changes_nothing(carol, typed, answers, told):
    before = carol.password
    typed(*answers)

    with pytest.raises(CommandError, match="Nothing was changed") as refused:
        call_command("changepassword", "carol")

    assert told in str(refused.value)

    carol.refresh_from_db()
    assert carol.password == before
    assert not AuditEvent.objects.filter(action="user.updated").exists()


def test_nobody_of_that_name_is_said_so(db, typed):
    with pytest.raises(CommandError, match="no user 'zoe'"):
        call_command("changepassword", "zoe")
