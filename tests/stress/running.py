"""A whole platform of one's own, and how to look into it from outside."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from platform_site.run.supervisor import BASE_DIR

READY_TIMEOUT_S = 180
AMPLE = {"requests_per_minute": 1_000_000, "burst_size": 100_000}
LIMITS = {"default": AMPLE, "auth": AMPLE, "high_risk": AMPLE}
# What the test run's own engines put there.
OWN = (
    *("DATABASE_URL", "REDIS_URL", "REDIS_TIMEOUT_MS"),
    *("SECRET_KEY", "JWT_SECRET_KEY", "ENCRYPTION_KEY"),
)


def environ() -> dict[str, str]:
    """Return the environment without the test run's own engines and keys."""
    return {name: text for name, text in os.environ.items() if name not in OWN}


@dataclass
class Platform:
    """`manage.py up` in a directory of its own, started as often as it is killed.

    `extra` is added to its environment; what it says is in `log`.
    """

    data: Path
    port: int
    log: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = {
            "ENVIRONMENT": "development",
            "DEBUG": "false",
            "RATE_LIMIT_CONFIG": json.dumps(LIMITS),
        }
        command = [sys.executable, str(BASE_DIR / "manage.py"), "up"]
        command += ["--port", str(self.port), "--data", str(self.data)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env=environ() | settings | dict(self.extra),
                cwd=BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def is_ready(self) -> bool:
        """Return whether it answers, and with all it needs."""
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/readyz", trust_env=False).is_success
        return False

    def await_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not self.is_ready():
            said = self.log.read_text(encoding="utf-8")
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.2)

    def kill(self) -> None:
        """End every process of the tree at once, with no chance to tidy up."""
        assert self.process is not None
        tree = family(self.process.pid)
        for pid in tree:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        while any(is_alive(pid) for pid in tree):
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> Path:
        return self.data / "credentials.json"

    @property
    def environment(self) -> dict[str, str]:
        """Where its engines and keys are."""
        saved: dict[str, str] = json.loads(
            (self.data / "environment.json").read_text(encoding="utf-8")
        )
        return saved

    def connect(self) -> psycopg.Connection[Any]:
        """Connect past the platform, over the socket in its directory."""
        return psycopg.connect(self.environment["DATABASE_URL"], autocommit=True)

    def value(self, sql: str) -> Any:
        """Return the one value that a query finds."""
        with self.connect() as connection:
            row = connection.execute(sql.encode()).fetchone()
        assert row is not None
        return row[0]

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a management command with the platform's engines and keys."""
        environment = self.environment
        inherited = {
            name: text
            for name, text in environ().items()
            if f"{name}_FILE" not in environment
        }
        return subprocess.run(
            [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
            env=inherited | environment,
            cwd=BASE_DIR,
            capture_output=True,
            text=True,
            check=False,
        )

    def assert_sound(self) -> None:
        """The ledger adds up and the log is whole."""
        for command in ("check_ledger", "verify_audit"):
            checked = self.manage(command)
            assert checked.returncode == 0, checked.stdout + checked.stderr


def free_port() -> int:
    """Return a port of the loopback address that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def family(root: int) -> list[int]:
    """Return a process and all that descend from it, the oldest first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def is_alive(pid: int) -> bool:
    """Return whether a process is there and more than a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@contextlib.contextmanager
def replay(platform: Platform, stream: Path) -> Iterator[subprocess.Popen[str]]:
    """Send a stream to the platform, again and again where it does not answer."""
    command = [sys.executable, str(BASE_DIR / "manage.py"), "replay", str(stream)]
    command += ["--credentials", str(platform.credentials), "--workers", "4"]
    with subprocess.Popen(
        command,
        cwd=BASE_DIR,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
