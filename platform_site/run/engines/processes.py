"""Child processes: run as an account, log to a file, end when this process ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platform_site.run.keys import write_whole

SPAWN = Path(__file__).with_name("spawn.py")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
LOG_BYTES_MAX = 10 * 1024 * 1024
POLL_S = 0.05
BACKOFF_S, BACKOFF_S_MAX = 1.0, 30.0
HEALTHY_S = 60.0
# Programs of another account get none of our secrets and settings.
PLAIN_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Account:
    """An unprivileged operating system account.

    `shared_because` says why the engines share it with other programs; "" if not.
    """

    uid: int
    gid: int
    name: str
    shared_because: str = ""

    def __str__(self) -> str:
        if not self.shared_because:
            return self.name
        return f"{self.name}, which other programs may run as: {self.shared_because}"


def follow_no_link(path: str, flags: int) -> int:
    """Opener for open(): raises OSError if the path is a symbolic link."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def as_child(
    command: list[str],
    *,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> list[str]:
    """Return the command line that runs the command as a child tied to this process."""
    ids = f"{account.uid}:{account.gid}" if account else ""
    tie = [str(os.getpid()), str(int(death_signal)), ids]
    return [sys.executable, "-I", "-S", str(SPAWN), *tie, *command]


def run(
    command: list[str],
    *,
    account: Account | None = None,
    env: Mapping[str, str] = PLAIN_ENVIRONMENT,
    timeout_s: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end as an account; capture output; any exit code is fine."""
    return subprocess.run(  # noqa: S603
        as_child(command, account=account),
        env=env,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )


def can_enter(directory: Path, account: Account | None) -> bool:
    """Return whether the account can enter the directory, by trying it."""
    entered = run(["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)], account=account)
    return entered.returncode == 0


def birth(pid: int) -> str | None:
    """Return a value that differs for a later process with the same pid.

    None if there is no such process, or only its zombie.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return _birth_from_ps(pid) if not BOOT_ID.exists() else None
    state, *fields = stat.rpartition(")")[2].split()
    if state in "ZX":
        return None
    started = fields[18]  # Field 22, in ticks since boot; the fields start at 4.
    return f"{started}@{BOOT_ID.read_text(encoding='ascii').strip()}"


def _birth_from_ps(pid: int) -> str | None:
    """Use ps where there is no /proc (macOS)."""
    found = run(["/bin/ps", "-o", "lstart=", "-p", str(pid)])
    return found.stdout.strip() or None


def command_line(pid: int) -> str:
    """Return the command line of a process, "" if there is no such process."""
    if BOOT_ID.exists():
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            return os.fsdecode(b" ".join(words)).strip()
        return ""
    return run(["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)]).stdout.strip()


def end(pid: int, signals: list[tuple[signal.Signals, float]]) -> bool:
    """End a process that is not our child by signals, each with a grace in seconds.

    Returns whether it is gone. `birth` is compared before each signal, so a new process
    with the same pid is not signalled.
    """
    born = birth(pid)
    for number, grace_s in signals:
        if born is None or birth(pid) != born:
            return True
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + grace_s
        while birth(pid) == born and time.monotonic() < deadline:
            time.sleep(POLL_S)
    return birth(pid) != born


@dataclass
class Child:
    """One long-running child process, with its log and its pid file.

    It runs in its own session, so Ctrl-C in the terminal reaches only the supervisor.
    """

    name: str
    command: list[str]
    log: Path
    pid_file: Path
    env: dict[str, str] = field(repr=False)
    cwd: Path = Path("/")
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_s: float = 10
    death_signal: signal.Signals = signal.SIGKILL
    pass_fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it. Raises OSError if the log or pid file cannot be written."""
        command = as_child(
            self.command, account=self.account, death_signal=self.death_signal
        )
        with open(self.log, "ab", opener=follow_no_link) as log:
            self.process = subprocess.Popen(  # noqa: S603
                command,
                env=self.env,
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=self.pass_fds,
                start_new_session=True,
            )
        pid = self.process.pid
        write_whole(self.pid_file, f"{pid} {birth(pid)}\n")

    def exit_code(self) -> int | None:
        """Return its exit code, None while it runs, 0 if it was never started."""
        return self.process.poll() if self.process else 0

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; do nothing if it is gone."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self) -> bool:
        """Stop it, by SIGKILL after its grace; return whether it ended without."""
        self.signal(self.stop_signal)
        return self.wait()

    def wait(self) -> bool:
        """Wait for its end, SIGKILL after its grace; return whether none was needed."""
        if self.process is None:
            return True
        try:
            self.process.wait(self.stop_grace_s)
            orderly = True
        except subprocess.TimeoutExpired:
            orderly = False
        # Also ends other processes of its session.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.pid_file.unlink(missing_ok=True)
        return orderly

    def end_leftover(self) -> bool:
        """End the process that a killed supervisor left; return whether it is gone."""
        try:
            pid, _, born = self.pid_file.read_text(encoding="ascii").partition(" ")
            leftover = int(pid) if birth(int(pid)) == born.strip() else None
        except (OSError, ValueError):
            return True
        gone = leftover is None or end(
            leftover,
            [(self.stop_signal, self.stop_grace_s), (signal.SIGKILL, 5)],
        )
        if gone:
            self.pid_file.unlink(missing_ok=True)
        return gone

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines of its log, to be put in an error message."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 16_384))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def bound_log(self) -> None:
        """Rotate the log, keeping one older part, while the child goes on writing.

        Lines written between copying and truncating are lost, which is acceptable:
        this is never the audit log.
        """
        with contextlib.suppress(OSError):
            if self.log.lstat().st_size > LOG_BYTES_MAX:
                older = self.log.with_suffix(".log.1")
                with (
                    open(self.log, "r+b", opener=follow_no_link) as log,
                    open(older, "wb", opener=follow_no_link) as part,
                ):
                    shutil.copyfileobj(log, part)
                    log.truncate(0)


@dataclass
class Watch:
    """Restart times of a child that crashes, with exponential backoff."""

    child: Child
    restart: Callable[[], None]
    started_at: float = field(default_factory=time.monotonic)
    restart_at: float | None = None
    backoff_s: float = BACKOFF_S

    def record_crash(self, *, now: float) -> float:
        """Record a crash; return the seconds until the restart."""
        if now - self.started_at >= HEALTHY_S:
            self.backoff_s = BACKOFF_S
        wait_s = self.backoff_s
        self.restart_at = now + wait_s
        self.backoff_s = min(wait_s * 2, BACKOFF_S_MAX)
        return wait_s

    def record_restart(self, *, now: float) -> None:
        self.started_at, self.restart_at = now, None
