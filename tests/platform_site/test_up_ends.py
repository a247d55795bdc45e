"""`manage.py up` is one process tree: it ends for certain, and heals."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest

from platform_site.run.engines.processes import birth
from tests.platform_site.starting import (
    CHILDREN,
    END_TIMEOUT_S,
    ROOT,
    START_TIMEOUT_S,
    descendants,
    environ,
    up,
)
from tests.stress.running import free_port


@pytest.mark.stress
def test_p8_a_stop_signal_lets_requests_end_that_have_begun(directory):
    data = directory / "drained"
    with up(data) as running, ThreadPoolExecutor() as pool:
        credentials = json.loads((data / "credentials.json").read_text())
        agent = next(a for a in credentials["agents"] if a["name"] == "shopping")
        with waiting_for_its_lock(data, agent["id"]) as until_one_waits:
            asked = pool.submit(ask, running.base_url, agent, "one")
            until_one_waits()
            running.process.terminate()
            time.sleep(1)  # It has heard, and its grace is longer.
        answer = asked.result()

        assert (answer.status_code, answer.json()["outcome"]) == (201, "allow")
        assert running.process.wait(END_TIMEOUT_S) == 0
    with up(data) as running:
        again = ask(running.base_url, agent, "one")

    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == answer.json()


def ask(base_url: str, agent: dict[str, str], key: str) -> httpx.Response:
    api = f"{base_url}/api/v1"
    body = {"amount": "1.00", "merchant": "Amazon", "category": "electronics"}
    secret = {name: agent[name] for name in ("client_id", "client_secret")}
    token = httpx.post(f"{api}/auth/agent-token/", json=secret).json()["access"]
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    return httpx.post(f"{api}/transactions/", json=body, headers=headers, timeout=180)


@contextlib.contextmanager
def waiting_for_its_lock(data: Path, agent_id: str) -> Iterator[Callable[[], None]]:
    """Hold an agent's row; yields what returns when somebody waits for it."""
    url = json.loads((data / "environment.json").read_text())["DATABASE_URL"]
    with psycopg.connect(url) as holder, psycopg.connect(url, autocommit=True) as other:
        holder.execute(
            "SELECT 1 FROM agents_agent WHERE id = %s FOR UPDATE", [agent_id]
        )

        def until_one_waits() -> None:
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
            deadline = time.monotonic() + END_TIMEOUT_S
            while other.execute(waiting).fetchone() is None:
                assert time.monotonic() < deadline
                time.sleep(0.05)

        yield until_one_waits


@pytest.mark.stress
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_ends_everything_in_order(directory, number):
    with socket.socket() as half, up(directory / "signalled", "--no-demo") as running:
        pids = descendants(running.process.pid)
        # A request that has only begun holds the web server for all its grace.
        half.connect(("127.0.0.1", running.port))
        half.send(b"GET /livez HTTP/1.1\r\n")
        running.process.send_signal(number)

        assert running.process.wait(END_TIMEOUT_S) == 0
        running.assert_nothing_is_left(pids)
        assert "killed" not in running.output.read_text()
        assert not list((running.data / "pids").iterdir())


@pytest.mark.stress
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_a_killed_supervisor_takes_everything_with_it_and_the_next_up_works(directory):
    data = directory / "killed"
    with up(data) as running:
        pids = descendants(running.process.pid)
        running.process.kill()
        running.assert_nothing_is_left(pids)

    with up(data) as running:
        assert running.is_ready()
        assert "First run" not in running.output.read_text()


@pytest.mark.stress
@pytest.mark.parametrize("name", sorted(CHILDREN))
def test_a_crashed_child_is_started_again_and_reported(directory, name):
    with up(directory / "crashed", "--no-demo") as running:
        pid = running.pid(name)
        os.kill(pid, signal.SIGKILL)

        said = running.said(f"{name} runs again.", within_s=START_TIMEOUT_S)
        assert f"{name} ended (signal SIGKILL); starting it again in 1 s." in said
        assert running.pid(name) != pid
        deadline = time.monotonic() + START_TIMEOUT_S
        while not running.is_ready():
            assert time.monotonic() < deadline
            time.sleep(0.2)


@pytest.mark.stress
def test_a_stop_signal_at_any_moment_of_the_start_leaves_nothing(directory):
    for attempt, delay_s in enumerate((0.2, 0.5, 0.8, 1.1, 1.5, 2, 3, 4)):
        data = directory / f"early-{attempt}"
        command = [sys.executable, str(ROOT / "manage.py"), "up", "--data", str(data)]
        command += ["--port", str(free_port())]
        process = subprocess.Popen(command, env=environ(), stdout=subprocess.DEVNULL)
        time.sleep(delay_s)
        assert process.poll() is None
        pids = descendants(process.pid)
        process.terminate()
        process.wait(END_TIMEOUT_S)
        deadline = time.monotonic() + END_TIMEOUT_S
        while [pid for pid in pids if birth(pid)]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
