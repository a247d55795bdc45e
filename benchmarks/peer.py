"""The naive peer, run with the product's engines, web server and clients."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sys
import time
import urllib.parse
from collections.abc import Iterator

import psycopg

from benchmarks.stack import BenchmarkError, Sample, Stack
from benchmarks.wire import Client, ask_together
from platform_site.run.engines.processes import POLL_S, Child, run
from platform_site.run.options import HOST
from platform_site.run.supervisor import BASE_DIR

DATABASE = "naive"
READY_TIMEOUT_S = 60


class Peer:
    """A running server of `benchmarks.naive`, and clients for it."""

    def __init__(self, port: int, tokens: list[str]) -> None:
        self.clients = [Client(port, [token]) for token in tokens]

    def measure(self, *, seconds: int) -> Sample:
        """Send for these seconds. Raises BenchmarkError for other answers than 201."""
        return ask_together(self.clients, seconds=seconds)[0]


@contextlib.contextmanager
def running_peer(stack: Stack, *, clients: int) -> Iterator[Peer]:
    """Serve the peer with a separate database on the stack's engines."""
    parts = urllib.parse.urlsplit(stack.environ["DATABASE_OWNER_URL"])
    with psycopg.connect(parts.geturl(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
    environ = stack.environ | {
        "DATABASE_URL": parts._replace(path=f"/{DATABASE}").geturl(),
        "PYTHONPATH": str(BASE_DIR),
    }
    made = run(
        [sys.executable, "-m", "benchmarks.naive.tokens", str(clients)], env=environ
    )
    if made.returncode != 0:
        raise BenchmarkError(f"The naive peer cannot be set up:\n{made.stdout}")
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "benchmarks.naive.wsgi"]
    command += ["--config", "python:platform_site.run.web_server"]
    command += ["--bind", f"{HOST}:{port}"]
    server = Child(
        "naive", command, stack.data / "naive.log", stack.data / "naive.pid", environ
    )
    server.death_signal = signal.SIGTERM
    try:
        server.start()
        _await_listening(server, port)
        yield Peer(port, json.loads(made.stdout.strip().rpartition("\n")[2]))
    finally:
        server.stop()


def _await_listening(server: Child, port: int) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline and server.exit_code() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(POLL_S)
    raise BenchmarkError(f"The naive peer does not start:\n{server.log_tail(40)}")
