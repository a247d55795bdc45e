"""A platform for the run: `manage.py up` in a temporary directory."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from platform_site.run.engines.processes import POLL_S, Child
from platform_site.run.keys import NAMES
from platform_site.run.options import HOST
from platform_site.run.supervisor import BASE_DIR

READY_TIMEOUT_S = 180
AMPLE = {"requests_per_minute": 1_000_000, "burst_size": 100_000}
LIMITS = {"default": AMPLE, "auth": AMPLE, "high_risk": AMPLE}
# Not taken from the caller's environment: the run makes its own.
OWN = (
    *(*NAMES, "AUDIT_CHECKPOINT_DIR", "BASE_URL"),
    *("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"),
)


class BenchmarkError(Exception):
    """Nothing can be measured; the message says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The results of one side in one round."""

    per_s: float
    p50_ms: float
    p99_ms: float


def sample(latencies_s: list[float], seconds: float) -> Sample:
    """Return the sample of the decisions made in these seconds."""
    if len(latencies_s) < 2:
        raise BenchmarkError("Too few decisions were made: increase --seconds.")
    cuts = statistics.quantiles(latencies_s, n=100, method="inclusive")
    return Sample(len(latencies_s) / seconds, 1000 * cuts[49], 1000 * cuts[98])


@dataclass(frozen=True)
class Stack:
    """A running platform, and the environment of commands that reach it."""

    data: Path
    port: int
    environ: dict[str, str] = field(repr=False)


@contextlib.contextmanager
def running_stack() -> Iterator[Stack]:
    """Run the platform with durable engines in a new directory; then remove both.

    Raises BenchmarkError if it does not become ready.
    """
    data = Path(tempfile.mkdtemp(prefix="bench-"))
    data.chmod(0o711)  # The database's own account must reach it.
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    given = os.environ.items()
    environ = {k: v for k, v in given if k.removesuffix("_FILE") not in OWN}
    environ |= {"ENVIRONMENT": "development", "DEBUG": "false"}
    environ |= {"RATE_LIMIT_CONFIG": json.dumps(LIMITS)}
    command = [sys.executable, str(BASE_DIR / "manage.py"), "up"]
    command += ["--port", str(port), "--data", str(data)]
    up = Child("up", command, data / "up.log", data / "up.pid", environ)
    up.stop_grace_s = 90
    up.death_signal = signal.SIGTERM  # It stops in order even if we are killed.
    try:
        up.start()
        _await_ready(up, port)
        reached_by = json.loads((data / "environment.json").read_text(encoding="utf-8"))
        yield Stack(data, port, environ | reached_by)
    finally:
        up.stop()
        with contextlib.suppress(FileNotFoundError):
            elsewhere = (data / "engines.path").read_text(encoding="utf-8").strip()
            shutil.rmtree(elsewhere)
        shutil.rmtree(data)


def _await_ready(up: Child, port: int) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline and up.exit_code() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://{HOST}:{port}/readyz", trust_env=False).is_success:
                return
        time.sleep(POLL_S)
    raise BenchmarkError(f"The platform does not become ready:\n{up.log_tail(40)}")
