"""`manage.py up`, from outside: what it says, keeps and refuses."""

from __future__ import annotations

import json
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.platform_site.starting import (
    CHILDREN,
    END_TIMEOUT_S,
    ROOT,
    Platform,
    descendants,
    manage,
    up,
)
from tests.platform_site.test_engines import as_root
from tests.stress.running import free_port


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
