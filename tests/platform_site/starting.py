"""`manage.py up` as a process of its own, for tests from outside."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from platform_site.run.engines.processes import birth
from tests.engines import PATIENCE
from tests.stress.running import free_port

ROOT = Path(__file__).parents[2]
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "JWT_SECRET_KEY", "ENCRYPTION_KEY")
CHILDREN = {"web", "worker", "beat", "sequencer", "postgres", "valkey"}
# The platform: its start and its stop, on a machine that is busy with something else.
# A wait is as long as what it waits for takes; only a failure takes all of it.
START_TIMEOUT_S, END_TIMEOUT_S = 600, 180


def environ() -> dict[str, str]:
    """The environment of an operator who has set nothing."""
    unset = (
        *OURS,
        *PATIENCE,
        *(f"{name}_FILE" for name in OURS),
        "ENVIRONMENT",
        "BASE_URL",
    )
    return {name: value for name, value in os.environ.items() if name not in unset}


def manage(*arguments: object, **extra: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), *map(str, arguments)]
    return subprocess.run(
        command,
        cwd="/",
        env=environ() | extra,
        capture_output=True,
        text=True,
        check=False,
        timeout=START_TIMEOUT_S,
    )


def descendants(pid: int) -> list[int]:
    listed = subprocess.run(
        ["/bin/ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    children = [child for child, parent in pairs if parent == pid]
    return children + [each for child in children for each in descendants(child)]


@dataclass
class Platform:
    process: subprocess.Popen[str]
    data: Path
    port: int
    output: Path

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said(self, text: str, *, within_s: float) -> str:
        """Wait until it has said so; return all that it has said."""
        deadline = time.monotonic() + within_s
        while text not in (said := self.output.read_text()):
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        return said

    def pid(self, name: str) -> int:
        return int((self.data / "pids" / f"{name}.pid").read_text().split()[0])

    @property
    def redis_url(self) -> str:
        url = json.loads((self.data / "environment.json").read_text())["REDIS_URL"]
        return str(url)

    def is_ready(self) -> bool:
        return httpx.get(f"{self.base_url}/readyz", timeout=60).status_code == 200

    def assert_nothing_is_left(self, pids: list[int]) -> None:
        deadline = time.monotonic() + END_TIMEOUT_S
        while left := [pid for pid in pids if birth(pid)]:
            assert time.monotonic() < deadline, f"still there: {left}"
            time.sleep(0.1)
        with pytest.raises(httpx.ConnectError):
            self.is_ready()


@contextlib.contextmanager
def up(data: Path, *arguments: str) -> Iterator[Platform]:
    port, output = free_port(), data.with_suffix(".output")
    shell = environ() | {"PGPORT": "9", "PGSERVICE": "no-such"}  # Another project's.
    command = [sys.executable, str(ROOT / "manage.py"), "up", *arguments]
    command += ["--port", str(port), "--data", str(data)]
    with output.open("w") as file:
        process = subprocess.Popen(
            command, cwd="/", env=shell, stdout=file, stderr=file, text=True
        )
    running = Platform(process, data, port, output)
    try:
        running.said("Ready: ", within_s=START_TIMEOUT_S)
        yield running
    finally:
        process.terminate()
        try:
            process.wait(END_TIMEOUT_S)
        finally:
            process.kill()
            process.wait()


def url_of(name: str) -> str:
    """Return the address of a database of the tests' server."""
    parts = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    return parts._replace(path=f"/{name}").geturl()
