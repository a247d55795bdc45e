"""Who may use a data directory, and where its engines' files and sockets are."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import re
import shlex
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from platform_site.engines.binaries import EnginesError
from platform_site.engines.processes import Account, can_enter

FALLBACK_PARENTS = ("/var/lib", "/var/tmp", "/tmp")  # noqa: S108
SOCKET_PATH_BYTES_MAX = 107
POSTGRES_SOCKET = ".s.PGSQL.5432"
# Spelled the same in every URL dialect: psycopg's, redis-py's, kombu's.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")


def check_is_ours(directory: Path, engine_uids: set[int]) -> None:
    """Raise EnginesError unless nobody else can have put what lies there.

    Looks at the directory, at all in it and at the keys: whose they are, whether others
    may write, and that no link leads elsewhere.
    """
    us = {os.geteuid()}
    _check(directory.resolve(), us)
    for entry in directory.iterdir():
        if entry.name != "lost+found":
            # A group of one's own may write: that is many systems' umask.
            _check(entry, us | engine_uids, closed_to=0o002)
    secrets = directory / "secrets"
    for path in (secrets, *secrets.iterdir()) if secrets.exists() else ():
        _check(path, us)


def _check(path: Path, owners: set[int], *, closed_to: int = 0o022) -> None:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise EnginesError(
            f"{path} is a symbolic link. Remove it, or move what it points to there."
        )
    if status.st_uid not in owners:
        us = _name_of(os.geteuid())
        raise EnginesError(
            f"{path} belongs to {_name_of(status.st_uid)}, and this is {us}. Run it as "
            f"that account, or give it over: chown -R {us} {shlex.quote(str(path))}"
        )
    if status.st_mode & closed_to:
        raise EnginesError(
            f"Others may write to {path}: chmod go-w {shlex.quote(str(path))}"
        )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@contextlib.contextmanager
def data_lock(directory: Path) -> Iterator[None]:
    """Hold a data directory; raise EnginesError when a live process holds it.

    Released by the kernel when the holder dies, however it dies. Children do not
    inherit it.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    lock = os.open(directory / "lock", flags, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(lock, 20, 0).decode(errors="replace").strip()
            raise EnginesError(
                f"{directory} is in use by process {holder or 'unknown'}: stop that "
                "one first, or choose another directory with --data."
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def engine_home(data: Path, account: Account | None) -> Path:
    """Return the directory for the engines' files that their account can reach.

    `data` itself where possible, else a new directory that `data/engines.path` names
    from then on; only root has accounts that cannot reach its directories.
    """
    note = data / "engines.path"
    if note.exists():
        home = Path(note.read_text(encoding="utf-8").strip())
        status = home.lstat() if os.path.lexists(home) else None
        if status is None:
            raise EnginesError(
                f"{home}, where {note} says the database is, is gone. Restore it, or "
                f"remove {note} to begin with an empty one."
            )
        # A directory of anybody else's may be a trap.
        if status.st_uid != os.geteuid() or status.st_mode & 0o022 or home.is_symlink():
            raise EnginesError(f"{home}, named by {note}, is not ours alone.")
        return home
    if can_enter(data, account):
        return data
    for parent in dict.fromkeys([*FALLBACK_PARENTS, tempfile.gettempdir()]):
        with contextlib.suppress(OSError):
            home = Path(tempfile.mkdtemp(prefix="ai-agent-platform-", dir=parent))
            home.chmod(0o711)
            if can_enter(home, account):
                note.write_text(f"{home}\n", encoding="utf-8")
                return home
            home.rmdir()
    raise EnginesError(f"Neither {data} nor any other place is open to the database.")


def directory_of(account: Account | None, path: Path) -> Path:
    """Make a directory that only the account enters, and return it.

    An existing one of another owner is given to the account, with that owner's files.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account and path.stat().st_uid != account.uid:
        _give(path, account)
    path.chmod(0o700)
    return path


def _give(path: Path, account: Account) -> None:
    """Make the account the owner of a directory and of its former owner's files in it.

    The directory itself comes last, so that the next start resumes an interrupted
    change. Directory handles keep a link that is added meanwhile from redirecting it.
    """
    owner, new = path.stat().st_uid, (account.uid, account.gid)
    for _, directories, files, handle in os.fwalk(path, topdown=False):
        for name in (*directories, *files):
            found = os.stat(name, dir_fd=handle, follow_symlinks=False)
            if found.st_uid == owner:
                os.chown(name, *new, dir_fd=handle, follow_symlinks=False)
    os.chown(path, *new)


def socket_directory(home: Path, account: Account | None) -> Path:
    """Return an empty directory whose sockets have plain and short enough paths."""
    note = home / "sockets.path"
    if note.exists():
        shutil.rmtree(note.read_text(encoding="utf-8"), ignore_errors=True)
        note.unlink()
    directory = home / "run"
    longest = os.fsencode(directory / POSTGRES_SOCKET)
    fits = len(longest) <= SOCKET_PATH_BYTES_MAX
    if fits and PLAIN_PATH.fullmatch(str(directory)):
        shutil.rmtree(directory, ignore_errors=True)
    else:
        directory = Path(tempfile.mkdtemp(prefix="aap-", dir="/tmp"))
        note.write_text(str(directory), encoding="utf-8")
    return directory_of(account, directory)
