"""Periodic jobs after the wall clock was wrong, either way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from audit.models import ReaderCursor
from platform_site.beat import Scheduler
from platform_site.celery import app
from platform_site.schedule import SCHEDULE

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OFTEN = {
    job["task"]
    for job in SCHEDULE.values()
    if isinstance(job["schedule"], timedelta) and job["schedule"] <= MINUTE
}


class Beat(Scheduler):
    """The scheduler, which here only notes what it would send."""

    def __init__(self) -> None:
        super().__init__(app=app)
        # At the end of this process its database is gone.
        self._finalize.cancel()
        self.sent: set[str] = set()

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        self.sent.add(entry.task)

    def sends(self, at: datetime) -> set[str]:
        """Let it work at a time; return what it sent."""
        self.sent = set()
        with time_machine.travel(at, tick=False):
            while not self.tick():
                pass
        return self.sent


@pytest.fixture
def beat(committed_db) -> Beat:
    with time_machine.travel(NOW, tick=False):
        return Beat()


@pytest.mark.parametrize("ahead", [timedelta(days=3), timedelta(hours=-3)])
def test_jobs_go_on_after_a_clock_that_was_wrong(beat, ahead):
    assert beat.sends(NOW) == set()
    beat.sends(NOW + ahead)
    assert beat.sends(NOW + ahead + MINUTE) >= OFTEN

    beat.sends(NOW + MINUTE)

    assert beat.sends(NOW + 2 * MINUTE) >= OFTEN
    assert beat.sends(NOW + 3 * MINUTE) >= OFTEN


def test_jobs_go_on_when_beat_is_started_after_a_clock_that_was_ahead(beat):
    ahead = NOW + timedelta(days=3)
    beat.sends(ahead)
    assert beat.sends(ahead + MINUTE) >= OFTEN
    beat.sync()

    with time_machine.travel(NOW, tick=False):
        again = Beat()
    assert again.sends(NOW) == set()

    assert again.sends(NOW + MINUTE) >= OFTEN


@pytest.mark.parametrize(
    ("read_at", "status", "jobs"),
    [
        (NOW - timedelta(seconds=119), "ok", "ok"),
        (NOW + timedelta(seconds=119), "ok", "ok"),
        (NOW - timedelta(seconds=121), "degraded", "silent"),
        (NOW + timedelta(days=3), "degraded", "silent"),
        (None, "degraded", "silent"),
    ],
)
def test_readyz_tells_when_the_jobs_are_silent(db, client, read_at, status, jobs):
    if read_at:
        ReaderCursor.objects.create(name="alerts", read_at=read_at)

    with time_machine.travel(NOW, tick=False):
        answer = client.get("/readyz")

    engines = {"database": "ok", "cache": "ok"}
    assert answer.status_code == 200
    assert answer.json() == {"status": status, "engines": engines, "jobs": jobs}
