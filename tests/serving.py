"""The platform's own processes, on a test's database."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
from django.db import connection

from platform_site.run.supervisor import BASE_DIR, WEB, WORKER

LONG_S = 180
END_S = 60


@contextlib.contextmanager
def serving(**extra: str) -> Iterator[str]:
    """Serve this test's committed database; yields the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [*WEB, "--bind", f"fd://{listener.fileno()}"]
        process = _start(command, extra, pass_fds=[listener.fileno()])
    with _ending(process):
        _await_answer(address, process)
        yield address


@contextlib.contextmanager
def working(queue: str) -> Iterator[subprocess.Popen[bytes]]:
    """Do the jobs of a queue on this test's committed database."""
    process = _start([*WORKER, "--queues", queue], {})
    with _ending(process):
        yield process


def _start(
    command: Sequence[str], extra: Mapping[str, str], **options: Any
) -> subprocess.Popen[bytes]:
    parts = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    database = parts._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    environ = {**os.environ, "DATABASE_URL": database, **extra}
    return subprocess.Popen(
        [sys.executable, *command], cwd=BASE_DIR, env=environ, **options
    )


@contextlib.contextmanager
def _ending(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        finally:
            process.kill()
            process.wait()


def _await_answer(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LONG_S
    while True:
        assert process.poll() is None
        assert time.monotonic() < deadline
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{address}/livez")
            return
        time.sleep(0.1)
