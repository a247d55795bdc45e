"""The clock is wrong by three hours, of the whole machine or of the web server only.

Needs libfaketime (Debian: `apt install faketime`).
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from platform_site.run.engines.processes import SPAWN
from platform_site.run.supervisor import BASE_DIR
from tests.stress.asking import asking
from tests.stress.running import Platform, environ

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)

pytestmark = [
    pytest.mark.stress,
    pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed"),
]

HELD = {"amount": "700.00"}
# What is held expires within the jump.
POLICY = {
    "max_transaction_amount": "1000.00",
    "allowed_merchants": ["Amazon", "Walmart"],
    "blocked_categories": [],
    "requires_approval_above": "500.00",
    "approval_expires_after_minutes": 60,
}
UNSEALED = """
    SELECT count(*) FROM audit_auditevent e
    LEFT JOIN audit_auditleaf l ON l.event_id = e.id WHERE l.event_id IS NULL
"""
SEALING_S = 30


# libfaketime 0.9.10 refuses the clock_nanosleep() of Python 3.11 and later.
SLEEP = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""


def faked(directory: Path, **options: str) -> dict[str, str]:
    """Return the environment of processes whose wall clock is wrong."""
    (directory / "sitecustomize.py").write_text(SLEEP, encoding="ascii")
    return {
        "LD_PRELOAD": str(LIBRARY),
        "PYTHONPATH": str(directory),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "1",
        **options,
    }


class Clock:
    """The wall clock of all processes that were started with it."""

    def __init__(self, directory: Path, file: Path) -> None:
        self.file = file
        self.set("+0")
        self.environ = faked(directory, FAKETIME_TIMESTAMP_FILE=str(file))

    def set(self, offset: str) -> None:
        self.file.write_text(f"{offset}\n", encoding="ascii")
        self.file.chmod(0o644)


@contextlib.contextmanager
def engines(data: Path, clock: Clock | None = None) -> Iterator[dict[str, str]]:
    """Start engines whose clock is right, or the one given, and yield where."""
    directory = data / "engines"
    directory.mkdir(mode=0o711)
    command = [sys.executable, "-m", "tests.platform_site.hold_engines", str(directory)]
    if clock is not None:
        # They are started with an environment of their own.
        spawn = directory / "spawn.py"
        spawn.write_text(
            f"import os, runpy\nos.environ |= {clock.environ!r}\n"
            f"runpy.run_path({str(SPAWN)!r}, run_name='__main__')\n"
        )
        command.append(str(spawn))
    with subprocess.Popen(
        command,
        cwd=BASE_DIR,
        env=environ(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        database, redis, *_ = process.stdout.readline().split()
        yield {"DATABASE_URL": database, "REDIS_URL": redis}
        process.communicate()


def decide(asker, transaction, verdict):
    seen = asker.send("manager", "GET", f"transactions/{transaction}/")
    return asker.send(
        "manager",
        "POST",
        f"transactions/{transaction}/{verdict}/",
        {"reason": "As agreed."},
        {"If-Match": seen.headers["ETag"]},
    )


def await_sealing(platform: Platform) -> None:
    began = time.monotonic()
    while platform.value(UNSEALED):
        assert time.monotonic() - began < SEALING_S
        time.sleep(0.5)


@pytest.fixture
def clock(platform: Platform, tmp_path: Path) -> Iterator[Clock]:
    """Start the platform and its engines with a clock that can be set."""
    clock = Clock(tmp_path, platform.data / "offset")
    with engines(platform.data, clock) as urls:
        platform.extra = urls | clock.environ
        platform.start()
        platform.await_ready()
        yield clock
        platform.stop()


def test_p5_a_clock_that_jumps_opens_nothing_and_stops_nothing(platform, clock):
    with asking(platform) as asker:
        policy = f"agents/{asker.agent['id']}/policy/"
        assert asker.send("manager", "PUT", policy, POLICY).is_success
        first = asker.ask("first")
        held = asker.ask("held", **HELD).json()

        clock.set("-3h")
        early = asker.ask("early", amount="2.00")
        early_held = asker.ask("early-held", **HELD, merchant="Walmart").json()
        await_sealing(platform)

        clock.set("+3h")
        late = asker.ask("late", amount="3.00")
        expired = decide(asker, early_held["id"], "approve")
        await_sealing(platform)

        clock.set("+0")
        again = asker.ask("first")
        approved = decide(asker, held["id"], "approve")
        await_sealing(platform)

    assert [each.status_code for each in (first, early, late)] == [201] * 3
    begun, earlier, later = (
        datetime.fromisoformat(each.json()["created_at"])
        for each in (first, early, late)
    )
    assert earlier < begun - timedelta(hours=2) < begun + timedelta(hours=2) < later
    assert (again.headers["Idempotent-Replayed"], again.json()) == (
        "true",
        first.json(),
    )
    assert (expired.status_code, expired.json()["code"]) == (409, "approval_expired")
    assert (approved.status_code, approved.json()["status"]) == (200, "authorized")
    platform.assert_sound()


@pytest.mark.parametrize("offset", ["-3h", "+3h"])
def test_p5_a_web_server_with_a_wrong_clock_decides_by_the_databases(
    platform, tmp_path, offset
):
    with engines(platform.data) as urls:
        platform.extra = urls | faked(tmp_path, FAKETIME=offset)
        platform.start()
        platform.await_ready()
        with asking(platform) as asker:
            before = datetime.now(UTC)
            first = asker.ask("one")
            allowed, held = first.json(), asker.ask("held", **HELD).json()
            after = datetime.now(UTC)
            approved = decide(asker, held["id"], "approve")
        platform.assert_sound()
        platform.stop()

    # The web server's own clock was wrong, and nothing went by it.
    off = parsedate_to_datetime(first.headers["Date"]) - before
    assert round(off / timedelta(hours=1)) == int(offset.removesuffix("h"))
    for told in (allowed, held):
        assert before < datetime.fromisoformat(told["created_at"]) < after
    assert approved.json()["status"] == "authorized"
