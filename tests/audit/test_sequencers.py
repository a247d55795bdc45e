"""Several sequencers at once, killed at random, under concurrent writers."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, transaction

from audit.models import AuditEvent, AuditLeaf
from audit.queries.tree import tree_size
from audit.services.recording import build_event
from audit.services.sealing import make_checkpoint_if_due
from audit.services.verification import verify_log
from platform_site.run.supervisor import BASE_DIR
from tests.audit.logs import WRITER, write_many

WRITERS = 8
SEQUENCERS = 3
KILLS_MIN = 4
DEADLINE_S = 600  # Only ends a test that would hang.


class Writer(threading.Thread):
    """Writes its share in transactions that last, and some of which never happen.

    It goes on, at leisure, until enough was killed meanwhile.
    """

    def __init__(self, number: int, events: int, enough: threading.Event) -> None:
        super().__init__(daemon=True)
        self.rng = random.Random(number)
        self.left = events
        self.enough = enough
        self.written: list[str] = []

    def run(self) -> None:
        try:
            while self.left > 0 or not self.enough.is_set():
                self.write(self.rng.randint(1, 4))
                if self.left <= 0:
                    time.sleep(self.rng.uniform(0, 0.1))
        finally:
            connection.close()

    def write(self, count: int) -> None:
        rolls_back = self.rng.random() < 0.1
        with transaction.atomic():
            made = [self.event() for _ in range(count)]
            if self.rng.random() < 0.05:
                time.sleep(self.rng.uniform(0, 0.5))
            if rolls_back:
                transaction.set_rollback(True)
        if not rolls_back:
            self.written += made
            self.left -= count

    def event(self) -> str:
        event = build_event(
            "request.refused", details={"code": "t", "status": 1}, actor=WRITER
        )
        event.save(force_insert=True)
        return event.pk


class SequencerProcess:
    """The real command on this test's own database, under a name of its own there."""

    _numbers = itertools.count()

    def __init__(self, outside: Path) -> None:
        self.name = f"sequencer {next(self._numbers)}"
        parts = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
        query = urllib.parse.parse_qsl(parts.query)
        query.append(("application_name", self.name))
        database = parts._replace(
            path=f"/{connection.settings_dict['NAME']}",
            query=urllib.parse.urlencode(query),
        ).geturl()
        self._process = subprocess.Popen(
            [sys.executable, str(BASE_DIR / "manage.py"), "run_sequencer"],
            env=os.environ
            | {"DATABASE_URL": database, "AUDIT_CHECKPOINT_DIR": str(outside)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def is_up(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = %s",
                [self.name],
            )
            return cursor.fetchone() is not None

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize(
    "events", [1_000, pytest.param(20_000, marks=pytest.mark.stress)]
)
def test_l9_no_gap_and_no_fork_whoever_is_killed(events: int, outside: Path, settings):
    enough = threading.Event()
    writers = [Writer(number, events // WRITERS, enough) for number in range(WRITERS)]
    sequencers = [SequencerProcess(outside) for _ in range(SEQUENCERS)]
    rng, kills = random.Random(events), 0
    try:
        write_many(1)
        wait_until(lambda: tree_size() > 0)
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            time.sleep(rng.uniform(0.2, 0.8))
            victim = rng.randrange(SEQUENCERS)
            wait_until(sequencers[victim].is_up)
            sequencers[victim].kill()
            sequencers[victim] = SequencerProcess(outside)
            kills += 1
            if kills == KILLS_MIN:
                enough.set()
        wait_until(lambda: tree_size() == AuditEvent.objects.count())
    finally:
        enough.set()
        for process in sequencers:
            process.kill()

    written = {event_id for writer in writers for event_id in writer.written}
    leaves = dict(AuditLeaf.objects.values_list("index", "event_id"))
    assert kills >= KILLS_MIN
    assert sorted(leaves) == list(range(len(leaves)))
    assert written <= set(leaves.values())
    assert len(written) >= events
    assert len(set(leaves.values())) == len(leaves) == AuditEvent.objects.count()
    settings.AUDIT_CHECKPOINT_EVENTS = 1
    make_checkpoint_if_due()
    result = verify_log(grace_s=0)
    assert result.findings == []
    assert result.size == len(leaves)
