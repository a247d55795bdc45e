"""The platform's own web server, as a process on a test's database."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator

import httpx
from django.db import connection

from platform_site.supervisor import BASE_DIR, WEB

LONG_S = 600
END_S = 60


@contextlib.contextmanager
def serving(**extra: str) -> Iterator[str]:
    """Serve this test's committed database; yields the address."""
    parts = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    database = parts._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, *WEB, "--bind", f"fd://{listener.fileno()}"]
        process = subprocess.Popen(
            command,
            cwd=BASE_DIR,
            env=os.environ | {"DATABASE_URL": database} | extra,
            pass_fds=[listener.fileno()],
        )
    try:
        _await_answer(address, process)
        yield address
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
