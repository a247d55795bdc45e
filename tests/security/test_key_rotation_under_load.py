"""`manage.py rotate_keys` under load: rows that others hold, and a kill in the midst.

Nothing here is a matter of luck or of the machine's speed: the tests wait for what is
to happen, and LONG_S only ends a test that would hang.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from accounts.models import User
from audit.base.context import System
from audit.models import AuditEvent
from platform_site.run.supervisor import BASE_DIR
from security.encryption import crypto, services
from security.encryption.services import rotate_keys, survey_keys
from tests.databases import OWNER
from tests.people import make_person
from tests.security.rotating import (
    NEW,
    OLD,
    forget_old,
    know_new,
    rotate_to_new,
    use_old,
)

LONG_S = 600
LOCK = 4711
# In the test's own database: an update of one row waits until LOCK is free.
TRAP = f"""
CREATE FUNCTION wait_in_the_midst() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock_shared({LOCK}); RETURN NEW; END $$;
CREATE TRIGGER wait_in_the_midst BEFORE UPDATE ON accounts_user
FOR EACH ROW WHEN (OLD.id = '%s') EXECUTE FUNCTION wait_in_the_midst()
"""

PEOPLE = 1_200


@pytest.fixture
def many(committed_db: None, settings: Any) -> list[str]:
    """The ids of many people with phone numbers under the old key."""
    use_old(settings)
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
                    if self.stop.wait(0.01):
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
    """Four of them, each with a fortieth of the people, still under the old key.

    What they write is met again and again, so that the rotation and they get in each
    other's way.
    """
    know_new(settings)
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
    monkeypatch.setattr(services, "PAUSE_S", 0.3)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            User.objects.select_for_update().get(pk=many[0])
            held.set()
            release.wait(LONG_S)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(LONG_S)
    seen = itertools.count()

    def progress() -> None:
        if next(seen) == PEOPLE + 10:  # The first pass is over.
            release.set()

    rotation = rotate_keys(progress, acting=System("tests"))

    assert release.is_set(), "No second pass met the row that was held."
    holder.join()
    assert (rotation.left, rotation.unreadable) == (0, [])
    assert is_rotated(many[0])


@pytest.fixture
def owner(committed_db: None) -> Iterator[psycopg.Connection]:
    """Connect as the owner of the tables, past Django."""
    database = connection.settings_dict
    with psycopg.connect(
        host=database["HOST"],
        port=database["PORT"] or None,
        user=OWNER,
        password=database["PASSWORD"],
        dbname=database["NAME"],
        autocommit=True,
    ) as connected:
        yield connected


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for what a process brings about, while it is alive."""
    deadline = time.monotonic() + LONG_S
    while not holds():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_g6_killed_under_load_and_run_again_nothing_is_lost(
    many, writers, settings, owner
):
    untouched = [pk for pk in many if all(pk not in one.ids for one in writers)]
    place = len(untouched) // 2
    owner.execute(TRAP % untouched[place])
    owner.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    # Of this database only: other workers of the tests wait for locks, too.
    waiting = (
        "FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock' AND wait_event = 'advisory'"
    )
    with rotation_process() as first:
        try:
            wait_until(
                lambda: owner.execute(f"SELECT 1 {waiting}").fetchone() is not None,
                first,
            )
            written = [len(one.last) for one in writers]
        finally:
            first.kill()
    owner.execute(f"SELECT pg_terminate_backend(pid) {waiting}")
    owner.execute("DROP TRIGGER wait_in_the_midst ON accounts_user")
    owner.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    rotate_to_new(settings)
    assert first.returncode == -signal.SIGKILL
    assert min(written) > 0, "Somebody wrote nothing meanwhile."
    rotated = [is_rotated(pk) for pk in untouched]
    assert rotated == [True] * place + [False] * (len(untouched) - place)

    second = rotation_process()
    output, _ = second.communicate(timeout=LONG_S)

    assert second.returncode == 0, output
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
    states = survey_keys(lambda: None)
    assert states["accounts.user.phone"] == {"current": PEOPLE + 1}
