"""The disk is full: nothing is allowed that is not kept, and it goes on unaided.

The disk is a small one in memory, which only root may mount.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stress.asking import asking
from tests.stress.running import Platform

pytestmark = [
    pytest.mark.stress,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk"),
]

SIZE = "700m"
FULL_FOR_S = 60
RECOVERY_S = 90


@pytest.fixture
def small_disk(platform: Platform) -> Iterator[Path]:
    """Mount the platform's directory on a disk of its own."""
    mount = ["/bin/mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0711", "small"]
    subprocess.run([*mount, str(platform.data)], check=True)
    try:
        yield platform.data
    finally:
        platform.stop()
        subprocess.run(["/bin/umount", str(platform.data)], check=True)


def fill(disk: Path) -> Path:
    """Write until nothing fits any more; return the files that fill it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    assert shutil.disk_usage(disk).free == 0
    return ballast


def test_p4_a_full_disk_allows_nothing_and_recovers(platform, small_disk):
    platform.start()
    platform.await_ready()
    with asking(platform) as asker:
        given = {f"before-{n}": asker.ask(f"before-{n}").json() for n in range(5)}

        ballast = fill(small_disk)
        refused, ended = {}, time.monotonic() + FULL_FOR_S
        while time.monotonic() < ended:
            key = f"full-{len(given) + len(refused)}"
            answer = asker.ask(key)
            if answer.status_code == 201:
                given[key] = answer.json()
            else:
                refused[key] = answer.status_code
        ballast.unlink()
        freed = time.monotonic()
        while asker.ask("after").status_code != 201:
            assert time.monotonic() - freed < RECOVERY_S, platform.log.read_text()
            time.sleep(0.5)

        assert refused
        assert set(refused.values()) == {503}
        for key, body in given.items():
            again = asker.ask(key)
            assert again.headers["Idempotent-Replayed"] == "true"
            assert again.json() == body
        for key in refused:
            assert "Idempotent-Replayed" not in asker.ask(key).headers
    assert platform.process.poll() is None
    platform.await_ready()
    platform.assert_sound()
