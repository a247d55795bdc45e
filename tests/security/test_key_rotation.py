"""`manage.py rotate_keys`: all secrets under the new key, whatever else happens."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts.models import User
from accounts.seals import SecondFactorSecrets
from agents.models import AgentCredential
from audit.context import System
from audit.models import AuditEvent
from platform_site.supervisor import BASE_DIR
from security import crypto, services
from security.models import SecurityContact
from security.sealed_stores import all_stores
from tests.factories import make_agent, make_credential
from tests.house.source import APPS, ROOT, python_files
from tests.people import People, make_person
from tests.second_factors import code_of, enrol_app, recovery_codes

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture
def old_key(settings: Any) -> None:
    settings.ENCRYPTION_KEY, settings.ENCRYPTION_PREVIOUS_KEYS = OLD, []


@pytest.fixture
def secrets_of_old(old_key: None, people: People) -> dict[str, Any]:
    """One secret of every kind, under the old key."""
    people.carol.phone = "+1-555-0100"
    people.carol.save(update_fields=["phone"])
    agent = make_agent(people.carol, acting=people.bob)
    issued = make_credential(agent, acting=people.bob)
    services.set_contact(
        "primary", acting=people.alice, name="Ada", email="ada@x.org", phone="+1-2"
    )
    return {
        "signing_secret": issued.signing_secret,
        "totp": enrol_app(people.carol),
        "codes": recovery_codes(people.carol),
    }


def rotate_to_new(settings: Any) -> None:
    settings.ENCRYPTION_KEY, settings.ENCRYPTION_PREVIOUS_KEYS = NEW, [OLD]


def forget_old(settings: Any) -> None:
    settings.ENCRYPTION_PREVIOUS_KEYS = []


def run(*arguments: str, capsys: Any) -> str:
    call_command("rotate_keys", *arguments)
    return str(capsys.readouterr().out)


def test_every_kind_of_secret_is_found():
    assert {store.name for store in all_stores()} == {
        "accounts.user.phone",
        "agents.agentcredential.signing_secret",
        "security.securitycontact.phone",
        "mfa.authenticator.data",
    }


def test_nothing_encrypts_past_the_stores():
    files = [
        str(path.relative_to(ROOT))
        for path in python_files(*APPS)
        if "crypto.encrypt(" in path.read_text()
    ]

    # The checklist keeps nothing, a session ends before a key does.
    assert files == [
        "accounts/seals.py",
        "security/checklist.py",
        "security/fields.py",
        "security/session_serializer.py",
    ]


def test_g6_all_secrets_are_rotated_and_the_old_key_can_go(
    secrets_of_old, people, settings, capsys, client_for
):
    rotate_to_new(settings)

    told = run(capsys=capsys)

    assert "accounts.user.phone: " in told
    assert "mfa.authenticator.data: 2 rotated" in told
    assert "ENCRYPTION_PREVIOUS_KEYS can go" in told
    forget_old(settings)
    assert User.objects.get(pk=people.carol.pk).phone == "+1-555-0100"
    assert SecurityContact.objects.get().phone == "+1-2"
    credential = AgentCredential.objects.get()
    assert credential.signing_secret == secrets_of_old["signing_secret"]
    client = client_for(people.carol)
    for proof in (code_of(secrets_of_old["totp"]), secrets_of_old["codes"][0]):
        answer = client.post("/api/v1/auth/step-up/", {"otp": proof})
        assert answer.status_code == 200, answer.content
    event = AuditEvent.objects.get(action="keys.rotated")
    assert event.actor_kind == "system"
    assert (event.details["unreadable"], event.details["left"]) == (0, 0)
    assert event.details["rotated"]["mfa.authenticator.data"] == 2


def test_g6_a_second_run_changes_nothing(secrets_of_old, settings, capsys):
    rotate_to_new(settings)
    run(capsys=capsys)
    before = stored()

    told = run(capsys=capsys)

    assert "rotated" not in told
    assert stored() == before


def stored() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT phone::text FROM accounts_user"
            " UNION ALL SELECT signing_secret::text FROM agents_agentcredential"
            " UNION ALL SELECT phone::text FROM security_securitycontact"
            " UNION ALL SELECT data::text FROM mfa_authenticator ORDER BY 1"
        )
        return list(cursor.fetchall())


def test_a_dry_run_tells_and_writes_nothing(secrets_of_old, settings, capsys):
    rotate_to_new(settings)
    before = stored()

    told = run("--dry-run", capsys=capsys)

    assert "mfa.authenticator.data: 2 to rotate, 0 current, 0 unreadable" in told
    assert stored() == before
    assert not AuditEvent.objects.filter(action="keys.rotated").exists()


def test_what_does_not_decrypt_is_named_kept_and_told(
    secrets_of_old, people, settings, capsys
):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_user SET phone = (SELECT phone FROM accounts_user"
            " WHERE username = 'carol') WHERE username = 'bob'"
        )
    rotate_to_new(settings)
    moved = User.objects.filter(username="bob").values_list("phone").get()

    with pytest.raises(CommandError, match=f"accounts.user.phone {people.bob.pk}"):
        run(capsys=capsys)

    assert User.objects.filter(username="bob").values_list("phone").get() == moved
    failures = AuditEvent.objects.filter(action="decryption.failed")
    assert [event.target_id for event in failures] == [people.bob.pk]
    assert User.objects.get(username="carol").phone == "+1-555-0100"
    with pytest.raises(CommandError, match="do not decrypt"):
        run("--dry-run", capsys=capsys)


def test_without_the_previous_key_nothing_is_lost(secrets_of_old, settings, capsys):
    settings.ENCRYPTION_KEY, settings.ENCRYPTION_PREVIOUS_KEYS = NEW, []
    before = stored()

    with pytest.raises(CommandError, match="stay as they are"):
        run(capsys=capsys)

    assert stored() == before


def test_a_writer_with_an_old_key_is_told_of(
    secrets_of_old, people, settings, monkeypatch, capsys
):
    """A process that was not restarted: each pass finds what it wrote since."""
    rotate_to_new(settings)
    store = next(one for one in all_stores() if one.name == "accounts.user.phone")
    old = Fernet(OLD)

    def write(*_: Any) -> bool:
        context = ("accounts.user", "phone", people.carol.pk)
        new = Fernet(NEW).decrypt(crypto.encrypt("+1-9", context=context))
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE accounts_user SET phone = %s WHERE id = %s",
                [old.encrypt(new), people.carol.pk],
            )
        return False

    monkeypatch.setattr(type(store), "swap", write)
    monkeypatch.setattr(services.key_rotation, "PAUSE_S", 0)

    with pytest.raises(CommandError, match="still writes with a previous key"):
        run(capsys=capsys)

    assert User.objects.get(pk=people.carol.pk).phone == "+1-9"
    assert AuditEvent.objects.get(action="keys.rotated").details["left"] > 0


def test_a_value_that_was_written_meanwhile_is_not_overwritten(
    secrets_of_old, people, settings
):
    rotate_to_new(settings)
    for store in all_stores():
        for value in store.after(None):
            assert store.swap(value, b"first")
            assert not store.swap(value, b"second")


def test_using_up_a_recovery_code_meanwhile_is_kept(secrets_of_old, settings, people):
    rotate_to_new(settings)
    store = SecondFactorSecrets()
    [value] = [
        value
        for value in store.after(None)
        if Authenticator.objects.get(pk=value.key).type == "recovery_codes"
    ]
    row = Authenticator.objects.get(pk=value.key)
    row.data["used_mask"] = 5
    row.save(update_fields=["data"])

    assert store.swap(value, b"token")

    assert Authenticator.objects.get(pk=value.key).data == {
        **row.data,
        "used_mask": 5,
        "seed": "token",
    }


PEOPLE = 1_200


@pytest.fixture
def many(committed_db: None, old_key: None) -> list[str]:
    """The ids of many people with phone numbers under the old key."""
    make_person("alice", role="admin")
    rows = [User(username=f"p{n}", phone=f"+1-{n}") for n in range(PEOPLE)]
    User.objects.bulk_create(rows)
    return sorted(row.pk for row in rows)


def rotation_process() -> subprocess.Popen[str]:
    """Start the real command on this test's own database."""
    parts = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    database = parts._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    environ = os.environ | {
        "DATABASE_URL": database,
        "ENCRYPTION_KEY": NEW,
        "ENCRYPTION_PREVIOUS_KEYS": OLD,
    }
    return subprocess.Popen(
        [sys.executable, str(BASE_DIR / "manage.py"), "rotate_keys"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class Writer(threading.Thread):
    """Writes and reads its people's numbers until it is stopped; knows the last."""

    def __init__(self, ids: list[str], stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.ids, self.stop = ids, stop
        self.last: dict[str, str] = {}
        self.trouble: list[str] = []

    def run(self) -> None:
        try:
            for round_ in range(10_000):
                for pk in self.ids:
                    if self.stop.is_set():
                        return
                    self.write(pk, f"+{round_}-{pk[-6:]}")
        finally:
            connection.close()

    def write(self, pk: str, phone: str) -> None:
        person = User.objects.get(pk=pk)
        if pk in self.last and person.phone != self.last[pk]:
            self.trouble.append(f"{pk}: {person.phone} instead of {self.last[pk]}")
        person.phone = phone
        person.save(update_fields=["phone"])
        self.last[pk] = phone


@pytest.fixture
def writers(many: list[str], settings: Any) -> Iterator[list[Writer]]:
    """Four of them, each with a tenth of the people, under the new key."""
    rotate_to_new(settings)
    stop = threading.Event()
    threads = [Writer(many[n::40], stop) for n in range(4)]
    for thread in threads:
        thread.start()
    yield threads
    stop.set()
    for thread in threads:
        thread.join()


def is_rotated(pk: str) -> bool:
    sealed: Any = User.objects.filter(pk=pk).values_list("phone", flat=True).get()
    return crypto.key_index(sealed.token, context=("accounts.user", "phone", pk)) == 0


def test_g6_a_row_that_somebody_holds_is_waited_for_without_a_lock(
    many, settings, monkeypatch
):
    rotate_to_new(settings)
    monkeypatch.setattr(services.key_rotation, "PAUSE_S", 0.3)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            User.objects.select_for_update().get(pk=many[0])
            held.set()
            release.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    seen = itertools.count()

    def progress() -> None:
        if next(seen) == PEOPLE + 10:  # The first pass is over.
            release.set()

    rotation = services.rotate_keys(progress, acting=System("tests"))

    holder.join()
    assert (rotation.left, rotation.unreadable) == (0, [])
    assert is_rotated(many[0])


def test_g6_killed_under_load_and_run_again_nothing_is_lost(many, writers, settings):
    first = rotation_process()
    untouched = [pk for pk in many if all(pk not in one.ids for one in writers)]
    deadline = time.monotonic() + 60
    while not is_rotated(untouched[100]):
        assert first.poll() is None, first.communicate()[0]
        assert time.monotonic() < deadline
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert not is_rotated(untouched[-1]), "It was done before it was killed."

    second = rotation_process()
    told, _ = second.communicate(timeout=120)

    assert second.returncode == 0, told
    for writer in writers:
        writer.stop.set()
        writer.join()
        assert writer.trouble == []
        assert writer.last
    forget_old(settings)
    wanted = {pk: phone for writer in writers for pk, phone in writer.last.items()}
    for person in User.objects.filter(pk__in=many):
        assert person.phone == wanted.get(person.pk, f"+1-{person.username[1:]}")
    assert AuditEvent.objects.filter(action="keys.rotated").count() == 1
    states = services.survey_keys(lambda: None)
    assert states["accounts.user.phone"] == {"current": PEOPLE + 1}
