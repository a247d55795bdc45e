"""Embedded PostgreSQL and Valkey, the same engines as in production, from wheels.

    python -m platform_site.run.engines exec -- COMMAND ...

runs a command with throw-away engines, their URLs and throw-away keys in its
environment. No Django here: the settings need the engines' URLs.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import stat
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from platform_site.run.engines.accounts import unprivileged_account
from platform_site.run.engines.binaries import (
    EnginesError,
    runnable_postgres,
    runnable_valkey,
)
from platform_site.run.engines.directories import (
    check_is_ours,
    data_lock,
    directory_of,
    engine_home,
    socket_directory,
)
from platform_site.run.engines.processes import (
    PLAIN_ENVIRONMENT,
    POLL_S,
    Child,
    command_line,
    end,
    run,
)
from platform_site.run.engines.valkey_access import (
    valkey_answers,
    valkey_url,
    write_users,
)
from platform_site.run.keys import key_file, write_whole

__all__ = ["EngineUrls", "Engines", "EnginesError", "throwaway_engines"]

ROLE = DATABASE = "platform"
RUNTIME_ROLE = "platform_runtime"
SUPERUSER = "postgres"
VALKEY_SOCKET = "valkey.sock"
THROWAWAY = "aap-throwaway-"
START_TIMEOUT_S = 120  # Includes recovery after a crash.

POSTGRES_SETTINGS = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "wal_compression": "on",
    "jit": "off",  # It costs memory and only pays for long queries.
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_min_messages": "warning",
    # Statements contain personal data.
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
NOT_DURABLE = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "autovacuum": "off",
}


@dataclass(frozen=True)
class EngineUrls:
    """URLs of the engines. Each may contain a password.

    `database` connects as the owner, which makes and changes tables; `runtime` as the
    role that only reads and writes rows. Both are the same for a given database.
    """

    database: str = field(repr=False)
    redis: str = field(repr=False)
    runtime: str = field(repr=False)


class Engines:
    """PostgreSQL and Valkey in one data directory.

    An engine whose URL is given is not started. Hold `directories.data_lock` while they
    run. With `durable`, data is synced to disk, and root creates the engines' own
    account if it is missing. Without, that account is only used if it exists.
    """

    def __init__(
        self,
        data: Path,
        *,
        durable: bool = True,
        database_url: str = "",
        redis_url: str = "",
    ) -> None:
        self.data = data.absolute()
        self.home = self.data
        self.durable = durable
        self.given = EngineUrls(database_url, redis_url, database_url)
        self.account = unprivileged_account()
        self.children: list[Child] = []
        self._sockets: Path | None = None
        self._valkey_password = ""

    def start(self) -> EngineUrls:
        """Start the engines that are not given, wait until they answer, return URLs.

        Raises EnginesError, with nothing left running.
        """
        if self.given.database and self.given.redis:
            return self.given
        try:
            self._prepare()
            postgres = "" if self.given.database else self._start_postgres()
            valkey = "" if self.given.redis else self._start_valkey()
        except OSError as error:
            self.stop()
            raise EnginesError(f"The engines cannot start: {error}") from error
        except BaseException:
            self.stop()
            raise
        return EngineUrls(
            database=self.given.database or postgres,
            redis=self.given.redis or valkey,
            runtime=self.given.runtime or self._database_url(RUNTIME_ROLE, DATABASE),
        )

    def stop(self) -> None:
        """Stop Valkey, then PostgreSQL, and wait until they have ended."""
        for child in reversed(self.children):
            child.stop()
        self.children.clear()
        if self._sockets:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def restart(self, child: Child) -> None:
        """Start a crashed engine again and wait until it answers.

        Raises EnginesError, with that engine not running.
        """
        try:
            if child.name == "postgres":
                self._clear_stale_postgres()
            child.start()
            self._await(child)
        except (OSError, EnginesError) as error:
            child.stop()
            raise EnginesError(str(error)) from error

    def _prepare(self) -> None:
        self.account = unprivileged_account(make=self.durable)
        self.data.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.home = engine_home(self.data, self.account)
        if self.home != self.data:
            check_is_ours(self.home)
        for name in ("log", "pids"):
            (self.home / name).mkdir(mode=0o700, exist_ok=True)
        for name in ("postgres", "valkey"):
            if not self._child(name, []).end_leftover():
                raise EnginesError(f"An older {name} in {self.home} does not end.")
        self._sockets = socket_directory(self.home, self.account)

    def _child(self, name: str, command: list[str]) -> Child:
        stop = signal.SIGINT if name == "postgres" else signal.SIGTERM
        return Child(
            name=name,
            command=command,
            log=self.home / "log" / f"{name}.log",
            pid_file=self.home / "pids" / f"{name}.pid",
            env=self._environment(),
            account=self.account,
            stop_signal=stop,
            stop_grace_s=60 if name == "postgres" else 10,
            death_signal=stop,
        )

    def _environment(self) -> dict[str, str]:
        return PLAIN_ENVIRONMENT | {"HOME": str(self.home)}

    def _start_postgres(self) -> str:
        programs, major = runnable_postgres(self.home, self.account)
        if not (self.home / "postgres").exists():
            self._initdb(programs, major)
        self._clear_stale_postgres()
        cluster = directory_of(self.account, self.home / "postgres")
        settings = POSTGRES_SETTINGS | (DURABLE if self.durable else NOT_DURABLE)
        if major >= 18:
            settings["io_method"] = "sync"  # Three I/O processes fewer.
        settings |= self._access_rules(major)
        command = [str(programs / "postgres"), "-D", str(cluster)]
        command += ["-h", "", "-k", str(self._sockets)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        child = self._child("postgres", command)
        self.children.append(child)
        child.start()
        self._await(child)
        self._create_database(major)
        return self._database_url(ROLE, DATABASE)

    def _initdb(self, programs: Path, major: int) -> None:
        """Make the cluster under a temporary name: a partial one must never start."""
        new = self.home / "postgres.new"
        shutil.rmtree(new, ignore_errors=True)
        directory_of(self.account, new)
        command = [str(programs / "initdb"), "-D", str(new), "-U", SUPERUSER]
        command += ["--encoding=UTF8", "--locale=C", "--data-checksums", "--no-clean"]
        command += ["--auth-local=peer", "--auth-host=reject"]
        if major >= 17:
            # Handles all languages' letters and needs no installed locale.
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not self.durable:
            command.append("--no-sync")
        made = run(command, account=self.account, env=self._environment())
        if made.returncode != 0:
            raise EnginesError(f"initdb failed:\n{made.stdout.strip()}")
        new.rename(self.home / "postgres")

    def _access_rules(self, major: int) -> dict[str, str]:
        """Let only the operating system user of this process connect.

        The socket's directory is closed to others too, but root's engines may run as an
        account that also runs other programs, which must not connect.
        """
        method = "peer map=us" if major >= 16 else "trust"
        rules, users = self.home / "pg_hba.conf", self.home / "pg_ident.conf"
        write_whole(rules, f"local all all {method}\n")
        name = pwd.getpwuid(os.geteuid()).pw_name
        write_whole(users, f'us "{name}" all\n')
        for path in (rules, users):
            path.chmod(0o644)
        return {"hba_file": str(rules), "ident_file": str(users)}

    def _clear_stale_postgres(self) -> None:
        """Remove the pid file of a server that was killed.

        PostgreSQL refuses to start when another process now has that pid, which is
        common in containers.
        """
        pid_file = self.home / "postgres" / "postmaster.pid"
        try:
            pid = int(pid_file.read_text(encoding="utf-8").split("\n")[0])
        except FileNotFoundError:
            return
        except (OSError, ValueError):
            pid = 0
        is_ours = pid and str(self.home / "postgres") in command_line(pid)
        if is_ours and not end(pid, [(signal.SIGINT, 60), (signal.SIGQUIT, 10)]):
            raise EnginesError(f"Process {pid} uses {self.home / 'postgres'}.")
        pid_file.unlink(missing_ok=True)

    def _database_url(self, role: str, database: str) -> str:
        host = urllib.parse.quote(str(self._sockets), safe="/")
        return f"postgresql://{role}@/{database}?host={host}"

    def _create_database(self, major: int) -> None:
        """Make the database and both roles; no superuser, so that they stay in SQL."""
        url = self._database_url(SUPERUSER, "postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            if not connection.execute(
                "SELECT FROM pg_roles WHERE rolname = %s", [ROLE]
            ).rowcount:
                connection.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB CREATEROLE")
                if major >= 16:
                    connection.execute(
                        f"ALTER ROLE {ROLE} SET createrole_self_grant = 'set, inherit'"
                    )
            if not connection.execute(
                "SELECT FROM pg_roles WHERE rolname = %s", [RUNTIME_ROLE]
            ).rowcount:
                connection.execute(f"CREATE ROLE {RUNTIME_ROLE} LOGIN")
                connection.execute(f"GRANT {RUNTIME_ROLE} TO {ROLE}")
            if not connection.execute(
                "SELECT FROM pg_database WHERE datname = %s", [DATABASE]
            ).rowcount:
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
            # DETAIL lines contain values of rows.
            connection.execute(
                f"ALTER DATABASE {DATABASE} SET log_error_verbosity = 'terse'"
            )

    def _start_valkey(self) -> str:
        server = runnable_valkey(self.home, self.account)
        directory = directory_of(self.account, self.home / "valkey")
        key = key_file(self.data / "secrets", "VALKEY_PASSWORD")
        self._valkey_password = key.read_text(encoding="utf-8").strip()
        users = self.home / "valkey.users"
        write_users(users, self._valkey_password, self.account)
        path = f"{self._sockets}/{VALKEY_SOCKET}"
        command = [str(server), "--port", "0", "--unixsocket", path]
        command += ["--aclfile", str(users)]
        command += ["--unixsocketperm", "700", "--dir", str(directory), "--save", ""]
        command += ["--appendonly", "yes" if self.durable else "no"]
        # When full, writes fail and callers handle that; no key is evicted.
        command += ["--maxmemory", "256mb", "--maxmemory-policy", "noeviction"]
        child = self._child("valkey", command)
        self.children.append(child)
        child.start()
        self._await(child)
        return valkey_url(path, self._valkey_password)

    def _await(self, child: Child) -> None:
        answers = (
            self._postgres_answers if child.name == "postgres" else self._valkey_answers
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers():
            if (code := child.exit_code()) is not None:
                raise EnginesError(
                    f"{child.name} ended with exit code {code}. The end of "
                    f"{child.log}:\n{child.log_tail()}"
                )
            if time.monotonic() > deadline:
                raise EnginesError(
                    f"{child.name} does not answer after {START_TIMEOUT_S} s; "
                    f"see {child.log}."
                )
            time.sleep(POLL_S)

    def _postgres_answers(self) -> bool:
        url = self._database_url(SUPERUSER, "postgres")
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _valkey_answers(self) -> bool:
        return valkey_answers(f"{self._sockets}/{VALKEY_SOCKET}", self._valkey_password)


@contextlib.contextmanager
def throwaway_engines(
    *, database_url: str = "", redis_url: str = "", parent: Path | None = None
) -> Iterator[EngineUrls]:
    """Run engines without durability in a new temporary directory, then remove both.

    The directory is made in `parent`, by default the system's temporary directory.
    Leftovers of killed processes there are removed, too.
    """
    parent = parent or Path(tempfile.gettempdir())
    _remove_leftovers(parent)
    new = Path(tempfile.mkdtemp(prefix=f"new-{THROWAWAY}", dir=parent))
    new.chmod(0o711)
    with data_lock(new):
        # Renamed only once locked: an unlocked one of this name is a leftover.
        data = new.rename(parent / new.name.removeprefix("new-"))
        engines = Engines(
            data, durable=False, database_url=database_url, redis_url=redis_url
        )
        try:
            yield engines.start()
        finally:
            engines.stop()
            shutil.rmtree(engines.home, ignore_errors=True)
            shutil.rmtree(data, ignore_errors=True)


def _remove_leftovers(parent: Path) -> None:
    """Remove our throw-away directories that no process holds any more."""
    for path in parent.glob(f"{THROWAWAY}*"):
        with contextlib.suppress(OSError, EnginesError):
            found = path.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
                with data_lock(path):
                    shutil.rmtree(path)
