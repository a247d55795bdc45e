"""Several sequencers at once, killed at random, under concurrent writers."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

import pytest
from django.db import connection, transaction

from audit.models import AuditEvent, AuditLeaf
from audit.queries import tree_size
from audit.services import build_event, make_checkpoint_if_due, verify_log
from platform_site.supervisor import BASE_DIR
from tests.audit.logs import WRITER, write_many

WRITERS = 8
SEQUENCERS = 3
DEADLINE_S = 300


class Writer(threading.Thread):
    """Writes its share in transactions that last, and some of which never happen."""

    def __init__(self, number: int, events: int) -> None:
        super().__init__(daemon=True)
        self.rng = random.Random(number)
        self.left = events
        self.written: list[str] = []

    def run(self) -> None:
        try:
            while self.left:
                self.write(min(self.left, self.rng.randint(1, 4)))
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


def start_sequencer(outside: Path) -> subprocess.Popen[bytes]:
    """Start the real command on this test's own database."""
    parts = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    database = parts._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    return subprocess.Popen(
        [sys.executable, str(BASE_DIR / "manage.py"), "run_sequencer"],
        env=os.environ
        | {"DATABASE_URL": database, "AUDIT_CHECKPOINT_DIR": str(outside)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize(
    "events", [1_000, pytest.param(20_000, marks=pytest.mark.stress)]
)
def test_l9_no_gap_and_no_fork_whoever_is_killed(events: int, outside: Path, settings):
    writers = [Writer(number, events // WRITERS) for number in range(WRITERS)]
    sequencers = [start_sequencer(outside) for _ in range(SEQUENCERS)]
    rng, kills = random.Random(events), 0
    deadline = time.monotonic() + DEADLINE_S
    try:
        while not tree_size():  # Until they are up.
            write_many(1)
            assert time.monotonic() < deadline
            time.sleep(0.2)
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            time.sleep(rng.uniform(0.2, 0.8))
            victim = rng.randrange(SEQUENCERS)
            sequencers[victim].send_signal(signal.SIGKILL)
            sequencers[victim].wait()
            sequencers[victim] = start_sequencer(outside)
            kills += 1
        while tree_size() < AuditEvent.objects.count():
            assert time.monotonic() < deadline
            time.sleep(0.2)
    finally:
        for process in sequencers:
            process.kill()
            process.wait()

    written = {event_id for writer in writers for event_id in writer.written}
    leaves = dict(AuditLeaf.objects.values_list("index", "event_id"))
    assert kills > 0
    assert sorted(leaves) == list(range(len(leaves)))
    assert written <= set(leaves.values())
    assert len(written) == events
    assert len(set(leaves.values())) == len(leaves) == AuditEvent.objects.count()
    settings.AUDIT_CHECKPOINT_EVENTS = 1
    make_checkpoint_if_due()
    result = verify_log(grace_s=0)
    assert result.findings == []
    assert result.size == len(leaves)
