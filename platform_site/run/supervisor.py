"""`manage.py up`: engines, migrations, web, worker and beat as one process tree.

No Django here: the supervisor must stay small and work without a database.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import signal
import socket
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType

from platform_site.run import announcements
from platform_site.run.engines import Engines, EnginesError, EngineUrls
from platform_site.run.engines.directories import check_is_ours, data_lock
from platform_site.run.engines.processes import POLL_S, Child, Watch
from platform_site.run.given_database import name_of, refuse_foreign
from platform_site.run.keys import key_files, write_whole
from platform_site.run.options import HOST, WEB_GRACE_S, Options

BASE_DIR = Path(__file__).resolve().parents[2]
READY_TIMEOUT_S = 90
PORT_WAIT_S = 5  # Until web workers of a killed supervisor have ended.
LOG_CHECK_S = 60.0
PROGRESS_S = 5.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

WEB = [
    *("-m", "gunicorn", "platform_site.wsgi"),
    *("--config", "python:platform_site.run.web_server"),
]
CELERY = ["-m", "celery", "-A", "platform_site"]
WORKER = [
    *(*CELERY, "worker", "--pool", "threads", "--concurrency", "2"),
    *("--loglevel", "WARNING", "--without-gossip", "--without-mingle"),
]
BEAT = [*CELERY, "beat", "--loglevel", "WARNING", "--pidfile", ""]
SEQUENCER = [str(BASE_DIR / "manage.py"), "run_sequencer"]


class UpError(Exception):
    """The platform cannot start; the message says why and what to do."""


class Stop(Exception):
    """Raised by a stop signal."""


def up(options: Options, say: Callable[[str], None]) -> None:
    """Start everything, supervise it until a stop signal, and stop it in order.

    Raises UpError before any change if the options cannot work, and with nothing left
    running if a part does not start.
    """
    supervisor = Supervisor(options, say)
    try:
        with _stop_signals(), _data_directory(options.data):
            supervisor.run()
    except EnginesError as error:
        raise UpError(str(error)) from error
    except OSError as error:
        raise UpError(f"{error.filename or options.data}: {error.strerror}") from error


@contextlib.contextmanager
def _stop_signals() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        for each in STOP_SIGNALS:  # The orderly stop has time limits; ignore more.
            signal.signal(each, signal.SIG_IGN)
        raise Stop

    before = {number: signal.signal(number, stop) for number in STOP_SIGNALS}
    try:
        yield
    except Stop:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _data_directory(data: Path) -> Iterator[None]:
    data.mkdir(mode=0o711, parents=True, exist_ok=True)
    check_is_ours(data)
    with data_lock(data):
        yield


class Supervisor:
    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        self.options = options
        self.say = say
        self.engines = Engines(
            options.data,
            database_url=options.given_database,
            redis_url=options.redis_url,
        )
        self.environ: dict[str, str] = {}
        self.apps: list[Child] = []

    def run(self) -> None:
        """Start, supervise, stop. The caller holds the lock of the data directory."""
        # An orderly stop removes the pid files.
        killed = any((self.options.data / "pids").glob("*.pid"))
        for name in ("web", "worker", "beat", "sequencer", "setup"):
            if not self._child(name, []).end_leftover():
                raise UpError(f"An older {name} process does not end.")
        with _port(self.options.port, wait_s=PORT_WAIT_S if killed else 0) as listener:
            try:
                self._start(listener)
                self._watch()
            finally:
                listener.close()  # So that clients are refused and do not wait.
                self._stop()

    def _start(self, listener: socket.socket) -> None:
        began = time.monotonic()
        for name in ("log", "pids"):
            (self.options.data / name).mkdir(mode=0o700, exist_ok=True)
        if given := self.options.given_database:
            self.say(f"Database: {name_of(given)}, from the environment.")
            if not self.options.adopt_database:
                refuse_foreign(given)
        keys = key_files(self.options.data / "secrets", os.environ)
        self.say("Engines:  starting.")
        urls = self.engines.start()
        self._say_engines(time.monotonic() - began)
        self.environ = self._environment(urls, keys)
        self._save_environment(urls, keys)
        first_run = not self.options.credentials.exists()
        owner = {"DATABASE_URL": urls.database, "STATEMENT_TIMEOUT_S": "0"}
        if role := urllib.parse.urlsplit(self.environ["DATABASE_URL"]).username:
            migrate = ["grant_runtime", role, "--migrate"]
        else:
            migrate = ["migrate", "--noinput"]
        self._manage(*migrate, progress=announcements.migration_progress, **owner)
        self.say("Database: migrated.")
        data = ["--credentials", str(self.options.credentials)]
        data += ["--base-url", self.options.base_url]
        data += [] if self.options.has_demo else ["--admin-only"]
        data += ["--first-passwords"] if self.options.passwords_end else []
        if first_run:
            self.say("People:   making the first ones.")
        if output := self._manage("demo_data", *data):
            self.say(output)
        self.say("Programs: starting web, worker, beat and sequencer.")
        self._start_apps(listener)
        self._await_ready()
        seconds = time.monotonic() - began
        for line in announcements.ready(
            self.options, first_run=first_run, seconds=seconds
        ):
            self.say(line)

    def _say_engines(self, seconds: float) -> None:
        started = ", ".join(child.name for child in self.engines.children)
        self.say(f"Engines:  {started or 'as given'}, ready after {seconds:.1f} s.")
        if started and self.engines.account:
            self.say(f"Account:  {self.engines.account}")
        self.say(f"Data:     {self.options.data}")
        if self.engines.home != self.engines.data:
            self.say(
                f"          The database cannot reach that directory as its own "
                f"account;\n          its files are in {self.engines.home}"
            )

    def _environment(self, urls: EngineUrls, keys: dict[str, str]) -> dict[str, str]:
        """Return the environment of the children."""
        environ = dict(os.environ)
        for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"):
            environ.pop(f"{name}_FILE", None)
        environ.setdefault("BASE_URL", self.options.base_url)
        environ.setdefault("DEMO", str(self.options.has_demo))
        environ.setdefault(
            "AUDIT_CHECKPOINT_DIR", str(self.options.data / "checkpoints")
        )
        # Otherwise each thread keeps its own malloc arena.
        environ.setdefault("MALLOC_ARENA_MAX", "2")
        environ["DJANGO_SETTINGS_MODULE"] = "platform_site.settings"
        environ["PYTHONUNBUFFERED"] = "1"
        return environ | keys | self._urls(urls)

    def _urls(self, urls: EngineUrls) -> dict[str, str]:
        return {
            "DATABASE_URL": self.options.database_url or urls.runtime,
            "DATABASE_OWNER_URL": urls.database,
            "REDIS_URL": urls.redis,
        }

    def _save_environment(self, urls: EngineUrls, keys: dict[str, str]) -> None:
        """Let other commands (`manage.py verify_audit`) reach this platform."""
        values = keys | self._urls(urls)
        values |= {
            "BASE_URL": self.environ["BASE_URL"],
            "AUDIT_CHECKPOINT_DIR": self.environ["AUDIT_CHECKPOINT_DIR"],
        }
        write_whole(self.options.environment, json.dumps(values))

    def _child(self, name: str, module: list[str]) -> Child:
        return Child(
            name=name,
            command=[sys.executable, *module],
            log=self.options.data / "log" / f"{name}.log",
            pid_file=self.options.data / "pids" / f"{name}.pid",
            env=self.environ,
            cwd=BASE_DIR,
        )

    def _manage(
        self,
        *arguments: str,
        progress: Callable[[str], str] | None = None,
        **environ: str,
    ) -> str:
        """Run a management command to its end and return what it printed.

        `progress` turns the output so far into a line that is printed now and then.
        """

        child = self._child("setup", [str(BASE_DIR / "manage.py"), *arguments])
        child.env = child.env | environ
        logged = child.log.stat().st_size if child.log.exists() else 0

        def printed() -> str:
            return child.log.read_bytes()[logged:].decode(errors="replace").strip()

        self.apps = [child]  # So that a stop signal ends it.
        child.start()
        say_at = time.monotonic() + PROGRESS_S
        while (code := child.exit_code()) is None:
            if progress and time.monotonic() > say_at:
                say_at += PROGRESS_S
                self.say(progress(printed()))
            time.sleep(POLL_S)
        child.wait()
        self.apps = []
        if code != 0:
            raise UpError(f"`manage.py {arguments[0]}` failed:\n{child.log_tail(25)}")
        return printed()

    def _start_apps(self, listener: socket.socket) -> None:
        programs = {
            "web": [*WEB, "--bind", f"fd://{listener.fileno()}"],
            "worker": WORKER,
            "beat": BEAT,
            "sequencer": SEQUENCER,
        }
        self.apps = [self._child(name, module) for name, module in programs.items()]
        web, _, beat, _ = self.apps
        web.pass_fds = (listener.fileno(),)
        # gunicorn lets its workers finish and then ends by itself.
        web.stop_grace_s = 3 * WEB_GRACE_S
        # beat saves its schedule in the signal handler, which can hang while beat is
        # still reading it. A job whose run is not saved runs again, which is harmless.
        beat.stop_signal = signal.SIGKILL
        for child in self.apps:
            child.start()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not self._is_ready():
            for child in self.apps:
                if (code := child.exit_code()) is not None:
                    raise UpError(
                        f"{child.name} ended with exit code {code}. The end of "
                        f"{child.log}:\n{child.log_tail()}"
                    )
            if time.monotonic() > deadline:
                raise UpError(
                    f"{self.options.base_url}/readyz does not answer 200 after "
                    f"{READY_TIMEOUT_S} s. The end of {self.apps[0].log}:\n"
                    f"{self.apps[0].log_tail()}"
                )
            time.sleep(POLL_S)

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.options.port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _watch(self) -> None:
        """Restart children that crash, until a stop signal."""
        watches = [
            *(Watch(each, each.start) for each in self.apps),
            *(
                Watch(each, partial(self.engines.restart, each))
                for each in self.engines.children
            ),
        ]
        logs_at = time.monotonic() + LOG_CHECK_S
        while True:
            for watch in watches:
                self._restart_crashed(watch)
            if time.monotonic() > logs_at:
                logs_at += LOG_CHECK_S
                for watch in watches:
                    watch.child.bound_log()
            time.sleep(4 * POLL_S)

    def _restart_crashed(self, watch: Watch) -> None:
        now = time.monotonic()
        code = watch.child.exit_code()
        if code is None:
            return
        if watch.restart_at is None:
            wait_s = watch.record_crash(now=now)
            self.say(
                f"{watch.child.name} ended ({announcements.exit_text(code)}); "
                f"starting it again in {wait_s:.0f} s. See {watch.child.log}"
            )
        elif now >= watch.restart_at:
            try:
                watch.restart()
            except (OSError, EnginesError) as error:
                wait_s = watch.record_crash(now=now)
                self.say(f"{watch.child.name}: {error}\nNext try in {wait_s:.0f} s.")
            else:
                watch.record_restart(now=time.monotonic())
                self.say(f"{watch.child.name} runs again.")

    def _stop(self) -> None:
        """Stop the apps together, then the engines; kill them after their grace."""
        self.options.environment.unlink(missing_ok=True)
        if self.apps or self.engines.children:
            self.say("Stopping.")
        for child in self.apps:
            child.signal(child.stop_signal)
        for child in self.apps:
            if not child.wait():
                self.say(f"{child.name} did not end in time and was killed.")
        self.engines.stop()


@contextlib.contextmanager
def _port(port: int, *, wait_s: float) -> Iterator[socket.socket]:
    """Bind the port without listening on it yet.

    Raises UpError if another process holds it for longer than `wait_s`.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    deadline = time.monotonic() + wait_s
    with listener:
        while True:
            try:
                listener.bind((HOST, port))
                break
            except OSError as error:
                in_use = error.errno == errno.EADDRINUSE
                if not in_use or time.monotonic() > deadline:
                    raise UpError(
                        f"Port {port} of {HOST} cannot be used ({error.strerror}): "
                        "stop the program that has it, or choose another with --port."
                    ) from error
            time.sleep(POLL_S)
        yield listener
