"""We reach the engines and their files; no other program of the machine does."""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import shutil
import socket
import stat
import subprocess
import tempfile
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import redis
from kombu import Connection

from platform_site import engine_settings
from platform_site.run.engines import Engines, EngineUrls, accounts
from platform_site.run.engines.directories import directory_of
from platform_site.run.engines.processes import BOOT_ID, PLAIN_ENVIRONMENT, Account
from tests.engines import memory_directory
from tests.platform_site.starting import descendants
from tests.platform_site.test_engine_accounts import makes_accounts, remove_account
from tests.platform_site.test_engines import as_root

OWN = f"aap-test-{secrets.token_hex(4)}"  # No other run's.
with_proc = pytest.mark.skipif(not BOOT_ID.exists(), reason="needs /proc")


@dataclass
class Running:
    engines: Engines
    urls: EngineUrls

    @property
    def password(self) -> str:
        return (self.engines.data / "secrets" / "valkey_password").read_text()

    @property
    def socket(self) -> str:
        return urllib.parse.urlsplit(self.urls.redis).path

    @property
    def pids(self) -> list[int]:
        mains = [each.process.pid for each in self.engines.children if each.process]
        return mains + [pid for main in mains for pid in descendants(main)]

    def answer(self, *lines: str) -> list[str]:
        """Send commands without signing in; return an answer for each."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.socket)
            client.sendall("".join(f"{line}\r\n" for line in lines).encode())
            with client.makefile() as replies:
                return [replies.readline().split()[0] for _ in lines]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """Engines with an account of their own; as root, over data that `nobody` made."""
    data = Path(tempfile.mkdtemp(prefix="aap-test-", dir=memory_directory()))
    data.chmod(0o711)
    with pytest.MonkeyPatch.context() as patch:
        if os.geteuid() == 0:
            patch.setattr(accounts, "OWN", "aap-test-none")
            earlier = Engines(data, durable=False)
            with psycopg.connect(earlier.start().database) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 'ä' AS value")
            earlier.stop()
            patch.setattr(accounts, "OWN", OWN)
            accounts.unprivileged_account(make=True)
        engines = Engines(data, durable=False)
        try:
            yield Running(engines, engines.start())
        finally:
            engines.stop()
            shutil.rmtree(data)
            if os.geteuid() == 0:
                remove_account(OWN)


def test_p17_valkey_refuses_a_client_without_the_password(running):
    commands = ["PING", "GET x", "FLUSHALL", "CONFIG GET requirepass", "ACL LIST"]

    assert running.answer(*commands) == ["-NOAUTH"] * len(commands)
    assert running.answer("AUTH wrong", "PING") == ["-WRONGPASS", "-NOAUTH"]
    assert running.answer(f"AUTH {running.password}", "PING") == ["+OK", "+PONG"]


def test_p17_valkey_keeps_a_digest_of_the_password_and_nothing_else(running):
    with redis.Redis.from_url(running.urls.redis) as client:
        users, settings = client.acl_list(), client.config_get()

    digest = hashlib.sha256(running.password.encode()).hexdigest()
    assert users == [f"user default on #{digest} ~* &* +@all"]
    assert len(running.password) == 64
    assert running.password not in str(settings)
    holding = [
        path.relative_to(running.engines.data)
        for path in running.engines.data.rglob("*")
        if path.is_file() and running.password.encode() in path.read_bytes()
    ]
    assert holding == [Path("secrets/valkey_password")]
    for name in ("secrets/valkey_password", "valkey.users"):
        status = (running.engines.data / name).stat()
        assert stat.S_IMODE(status.st_mode) == 0o600


@with_proc
def test_p17_the_password_is_on_no_command_line_and_in_no_engines_environment(running):
    processes = [path for path in Path("/proc").iterdir() if path.name.isdigit()]
    lines = [read(path / "cmdline") for path in processes]
    environments = [read(Path(f"/proc/{pid}/environ")) for pid in running.pids]

    assert any(b"valkey-server" in line for line in lines)
    assert [line for line in lines if running.password.encode() in line] == []
    assert len(environments) > 2
    assert [each for each in environments if running.password.encode() in each] == []
    # The engines write their titles over both; this is how they were started.
    children, home = running.engines.children, {"HOME": str(running.engines.home)}
    assert [each.env for each in children] == [PLAIN_ENVIRONMENT | home] * 2
    assert "valkey.users" in str(children[1].command)
    assert running.password not in str([each.command for each in children])


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_p17_our_clients_sign_in(running):
    broker = engine_settings.broker(running.urls.redis)
    with Connection(broker) as connection:
        channel = connection.default_channel
        assert channel.client.ping()  # type: ignore[attr-defined] # No stub.
        assert channel.client.connection_pool.connection_kwargs["db"] == 1  # type: ignore[attr-defined]
        assert running.password not in f"{connection!r} {connection.as_uri()}"
    with redis.Redis.from_url(running.urls.redis) as client:
        assert client.ping()
        assert running.password not in repr(client)
    assert running.password not in repr([running.urls, *running.engines.children])


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("unix:///run/v.sock?db=0", "redis+socket:///run/v.sock?virtual_host=1"),
        (
            "unix://:a%2Fb@/run/v.sock?db=3",
            "redis+socket://:a%2Fb@/run/v.sock?virtual_host=1",
        ),
        ("rediss://me:pw@cache:6380/4", "rediss://me:pw@cache:6380/1"),
        ("", ""),
    ],
)
def test_an_operators_own_password_reaches_the_broker_too(url, told):
    assert engine_settings.broker(url) == told


@makes_accounts
def test_p17_the_engines_and_their_files_are_of_an_account_of_their_own(running):
    account, data = running.engines.account, running.engines.data
    assert account
    assert str(account) == OWN

    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in running.pids}
    private = [data / name for name in ("postgres", "valkey", "run")]
    files = [each for path in private for each in (path, *path.rglob("*"))]

    assert owners == {account.uid}
    assert len(files) > 100
    assert {(f.lstat().st_uid, f.lstat().st_gid) for f in files} == {
        (account.uid, account.gid)
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o700}


@as_root
def test_p17_what_an_earlier_version_kept_for_nobody_is_still_there(running):
    with psycopg.connect(running.urls.database) as connection:
        assert connection.execute("SELECT value FROM kept").fetchall() == [("ä",)]


@makes_accounts
def test_p17_another_daemon_of_nobody_reaches_neither_sockets_nor_files(running):
    nobody = pwd.getpwnam("nobody")
    look = ["/bin/sh", "-c", 'cd "$0" && for each; do ls -d "$each"/*; done']
    reached = subprocess.run(
        [*look, running.engines.data, "postgres", "valkey", "run", "secrets"],
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )

    assert reached.stdout == ""
    assert len(reached.stderr.splitlines()) == 4


@as_root
def test_p17_only_what_belonged_to_the_former_owner_is_given(tmp_path):
    (tmp_path / "outside").write_text("kept")
    given = tmp_path / "valkey"
    (given / "deep").mkdir(parents=True)
    (given / "deep" / "file").write_text("x")
    (given / "strange").write_text("x")
    (given / "link").symlink_to(tmp_path / "outside")
    for path in (given, given / "deep", given / "deep" / "file", given / "link"):
        os.chown(path, 65_534, 65_534, follow_symlinks=False)

    directory_of(Account(998, 997, "aap-engines"), given)

    assert {path.name: path.lstat().st_uid for path in (given, *given.rglob("*"))} == {
        "valkey": 998,
        "deep": 998,
        "file": 998,
        "link": 998,
        "strange": 0,
    }
    assert (tmp_path / "outside").stat().st_uid == 0
