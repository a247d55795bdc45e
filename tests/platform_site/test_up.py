"""`manage.py up`, from outside: one process tree, started and ended for certain."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from platform_site.engines.processes import birth
from tests.engines import PATIENCE, memory_directory
from tests.platform_site.test_engines import as_root
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


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """A place that the database's account can reach; pytest's own are closed."""
    directory = Path(tempfile.mkdtemp(prefix="aap-up-", dir=memory_directory()))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def platform(directory: Path) -> Iterator[Platform]:
    with up(directory / "var") as running:
        yield running
        pids = descendants(running.process.pid)
        running.process.terminate()
        assert running.process.wait(END_TIMEOUT_S) == 0
        running.assert_nothing_is_left([*pids, running.process.pid])


def test_it_serves_and_shows_the_first_passwords(platform):
    said = platform.output.read_text()
    credentials = json.loads((platform.data / "credentials.json").read_text())

    assert platform.is_ready()
    *_, ready, last = said.splitlines()
    assert ready.startswith(f"Ready: {platform.base_url}/ ")
    assert last.endswith(
        f"DATA_DIR={platform.data} {sys.executable} {ROOT}/manage.py replay"
    )
    assert all(step in said for step in ("Engines:", "Database:", "Programs:"))
    assert credentials["base_url"] == platform.base_url
    passwords = [user["password"] for user in credentials["users"].values()]
    secrets = [agent["client_secret"] for agent in credentials["agents"]]
    assert (len(passwords), len(secrets)) == (5, 3)
    assert [each for each in passwords if each not in said] == []
    assert [each for each in secrets if each in said] == []


def test_p15_no_process_has_a_setting_of_libpq(platform):
    told = [Path(f"/proc/{platform.pid(n)}/environ").read_bytes() for n in CHILDREN]
    assert [each for each in told if b"\0PG" in b"\0" + each] == []


def test_keys_credentials_and_logs_are_private(platform):
    private = ["credentials.json", "environment.json", "lock"]
    files = [platform.data / name for name in private]
    directories = [platform.data / name for name in ("secrets", "log", "pids")]
    files += [
        *(platform.data / "secrets").iterdir(),
        *(platform.data / "log").iterdir(),
    ]

    assert {stat.S_IMODE(path.stat().st_mode) for path in directories} == {0o700}
    found = {path.parent.name for path in files}
    assert found == {platform.data.name, "secrets", "log"}
    assert [p.name for p in files if stat.S_IMODE(p.stat().st_mode) & 0o077] == []


def test_p17_no_log_and_no_command_line_tells_the_password_of_valkey(platform):
    password = (platform.data / "secrets" / "valkey_password").read_text()
    logs = [path.read_text() for path in (platform.data / "log").iterdir()]
    listed = subprocess.run(
        ["/bin/ps", "-eww", "-o", "args="], capture_output=True, text=True, check=True
    )

    assert f"@{platform.data}/run/valkey.sock" in platform.redis_url
    assert len(password) == 64
    assert password in platform.redis_url
    told = [platform.output.read_text(), listed.stdout, *logs]
    assert [each for each in told if password in each] == []


@as_root
def test_p17_it_says_which_account_the_engines_run_as(platform):
    owner = pwd.getpwuid(Path(f"/proc/{platform.pid('valkey')}").stat().st_uid)

    assert owner.pw_uid != 0
    assert f"Account:  {owner.pw_name}" in platform.output.read_text()


def test_it_says_how_other_commands_find_it(platform):
    said = platform.output.read_text()

    assert f"DATA_DIR={platform.data} {sys.executable} {ROOT}/manage.py help" in said


def test_a_command_says_so_when_no_platform_runs_there(tmp_path):
    for command in ("verify_audit", "check_ledger", "security_checklist"):
        refused = manage(command, DATA_DIR=str(tmp_path))

        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.startswith(f"No platform runs on {tmp_path}: start it ")
        assert refused.stderr.count("\n") == 1


def test_other_commands_find_the_running_platform(platform):
    migrations = manage("migrate", "--check", DATA_DIR=str(platform.data))

    assert (migrations.returncode, migrations.stderr) == (0, "")


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/api/v1/auth/agent-token/", 413, '"code": "too_large"'),
        ("/accounts/login/", 413, "The body is too large. Nothing was changed by it."),
    ],
)
def test_a_body_that_is_not_read_to_its_end_ends_the_connection_as_announced(
    platform, path, status, told
):
    headers = {"Content-Type": "application/json"}
    with httpx.Client(base_url=platform.base_url, timeout=60) as client:
        large = client.post(path, content=b" " * 400_000, headers=headers)
        after = client.get("/livez")

    assert large.headers["Connection"] == "close"
    assert (large.status_code, after.status_code) == (status, 200)
    assert told in large.text


def test_a_second_up_in_the_same_directory_is_refused(platform):
    before = platform.output.read_text()
    second = manage("up", "--data", platform.data, "--port", free_port())

    assert second.returncode == 2
    assert f"in use by process {platform.process.pid}" in second.stderr
    assert second.stdout == ""
    assert platform.is_ready()
    assert platform.output.read_text() == before


def test_a_taken_port_is_said_before_anything_starts(platform, directory):
    other = directory / "other"
    refused = manage("up", "--data", other, "--port", platform.port)

    assert refused.returncode == 2
    assert f"Port {platform.port} of 127.0.0.1 cannot be used" in refused.stderr
    assert [path.name for path in other.iterdir()] == ["lock"]


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x", "8_000", "٨٠٨٠"])
def test_a_port_that_is_none_is_refused(port, tmp_path):
    refused = manage("up", "--port", port, "--data", tmp_path / "var")

    assert refused.returncode == 2
    assert "argument --port" in refused.stderr
    assert not (tmp_path / "var").exists()


def test_a_data_directory_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    refused = manage("up", "--data", tmp_path / "file" / "var", "--port", free_port())

    assert refused.returncode == 2
    assert f"{tmp_path / 'file' / 'var'}: Not a directory" in refused.stderr
    assert "Traceback" not in refused.stderr


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
