"""A platform of the run's own: `manage.py up` in a directory that is thrown away."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from platform_site.keys import NAMES
from platform_site.processes import POLL_S, Child
from platform_site.supervisor import BASE_DIR, HOST

READY_TIMEOUT_S = 180
AMPLE = {"requests_per_minute": 1_000_000, "burst_size": 100_000}
LIMITS = {"default": AMPLE, "auth": AMPLE, "high_risk": AMPLE}
# The run makes its own; those of the caller's environment are left alone.
OWN = (*NAMES, "DATABASE_URL", "REDIS_URL", "BASE_URL")


class BenchmarkError(Exception):
    """Nothing can be measured; the message says why."""


@dataclass(frozen=True)
class Stack:
    """A running platform, and the environment of commands that reach it."""

    data: Path
    port: int
    environ: dict[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


@contextlib.contextmanager
def running_stack() -> Iterator[Stack]:
    """Run the platform with durable engines in a new directory; then remove both.

    Raises BenchmarkError when it does not become ready.
    """
    data = Path(tempfile.mkdtemp(prefix="bench-"))
    data.chmod(0o711)  # The database's own account must get through.
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    environ = {
        name: text
        for name, text in os.environ.items()
        if name.removesuffix("_FILE") not in OWN
    }
    environ |= {"ENVIRONMENT": "development", "DEBUG": "false"}
    environ |= {"RATE_LIMIT_CONFIG": json.dumps(LIMITS)}
    command = [sys.executable, str(BASE_DIR / "manage.py"), "up"]
    command += ["--port", str(port), "--data", str(data)]
    # Tied to us: should we be killed, it stops its children in order.
    up = Child(
        name="up",
        command=command,
        log=data / "up.log",
        pid_file=data / "up.pid",
        env=environ,
        cwd=BASE_DIR,
        stop_grace_s=90,
        death_signal=signal.SIGTERM,
    )
    try:
        up.start()
        _await_ready(up, port)
        told = json.loads((data / "environment.json").read_text(encoding="utf-8"))
        yield Stack(data, port, environ | told)
    finally:
        up.stop()
        _remove(data)


def _await_ready(up: Child, port: int) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline and up.exit_code() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://{HOST}:{port}/readyz", trust_env=False).is_success:
                return
        time.sleep(POLL_S)
    raise BenchmarkError(f"The platform does not become ready:\n{up.log_tail(40)}")


def _remove(data: Path) -> None:
    """Remove the data, and the database's where its account cannot reach them."""
    with contextlib.suppress(FileNotFoundError):
        home = (data / "engines.path").read_text(encoding="utf-8").strip()
        shutil.rmtree(home)
    shutil.rmtree(data)
