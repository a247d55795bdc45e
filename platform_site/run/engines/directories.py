"""Data directories: ownership checks, the lock, the engines' files and sockets."""

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

from platform_site.run.engines.accounts import engine_uids
from platform_site.run.engines.binaries import EnginesError
from platform_site.run.engines.processes import Account, can_enter
from platform_site.run.keys import write_whole

FALLBACK_PARENTS = ("/var/lib", "/var/tmp", "/tmp")  # noqa: S108
SOCKET_PATH_BYTES_MAX = 107
POSTGRES_SOCKET = ".s.PGSQL.5432"
WRITTEN_BY_US = ("log", "pids", "checkpoints")
# Names of directories that we make elsewhere; notes may only name such ones.
HOME_PREFIX = "ai-agent-platform-"
SOCKETS_PARENT, SOCKETS_PREFIX = Path("/tmp"), "aap-"  # noqa: S108 - made safely.
# Needs no quoting in the URLs of psycopg, redis-py and kombu.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")


def check_is_ours(directory: Path) -> None:
    """Raise EnginesError if another account could have written to the directory.

    Checks the directory, its entries, and the entries of the subdirectories that this
    process writes to: their owner, that others cannot write, and that there are no
    links, which an archive or a copy may contain.
    """
    us = {os.geteuid()}
    _check(directory.resolve(), us)
    # The group may write: many systems have a group per user and umask 002.
    for entry in directory.iterdir():
        if entry.name != "lost+found":
            _check(entry, us | engine_uids(), closed_to=0o002)
    for name in WRITTEN_BY_US:
        for path in _entries(directory / name):
            _check(path, us, closed_to=0o002)
    secrets = directory / "secrets"
    for path in (secrets, *secrets.iterdir()) if secrets.exists() else ():
        _check(path, us)


def _entries(directory: Path) -> list[Path]:
    return list(directory.iterdir()) if directory.exists() else []


def _check(path: Path, owners: set[int], *, closed_to: int = 0o022) -> None:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise EnginesError(
            f"{path} is a symbolic link. Remove it, or move what it points to there."
        )
    is_file, quoted = stat.S_ISREG(status.st_mode), shlex.quote(str(path))
    if not is_file and not stat.S_ISDIR(status.st_mode):
        raise EnginesError(f"{path} is neither a file nor a directory: rm {quoted}")
    if is_file and status.st_nlink > 1:
        raise EnginesError(
            f"{path} has another name elsewhere (a hard link), so writing to it would"
            f" change that file, too: cp -p {quoted} {quoted}.own"
            f" && mv {quoted}.own {quoted}"
        )
    if status.st_uid not in owners:
        us = _name_of(os.geteuid())
        raise EnginesError(
            f"{path} belongs to {_name_of(status.st_uid)}, and this is {us}. Run it as "
            f"that account, or change its owner: chown -R {us} {quoted}"
        )
    if status.st_mode & closed_to:
        raise EnginesError(f"Others may write to {path}: chmod go-w {quoted}")


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@contextlib.contextmanager
def data_lock(directory: Path) -> Iterator[None]:
    """Lock a data directory; raise EnginesError if another process holds it.

    The kernel releases the lock when the holder dies. Children do not inherit it.
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
    """Return a directory for the engines' files that their account can reach.

    `data` itself if possible, else a new directory, which `data/engines.path` then
    names. Only under root can the account be unable to reach `data`.
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
        # Another account's directory may be a trap; ours must have the right name.
        is_ours = status.st_uid == os.geteuid() and not status.st_mode & 0o022
        has_name = home.is_absolute() and home.name.startswith(HOME_PREFIX)
        if not is_ours or not has_name or not stat.S_ISDIR(status.st_mode):
            raise EnginesError(
                f"{home}, named by {note}, is not ours alone, or is not a directory"
                f" called {HOME_PREFIX}…: name the one with the database there, or"
                f" remove {note} to begin with an empty one."
            )
        return home
    if can_enter(data, account):
        return data
    for parent in dict.fromkeys([*FALLBACK_PARENTS, tempfile.gettempdir()]):
        with contextlib.suppress(OSError):
            home = Path(tempfile.mkdtemp(prefix=HOME_PREFIX, dir=parent))
            home.chmod(0o711)
            if can_enter(home, account):
                write_whole(note, f"{home}\n")
                return home
            home.rmdir()
    raise EnginesError(f"Neither {data} nor any other place is open to the database.")


def directory_of(account: Account | None, path: Path) -> Path:
    """Make a directory that only the account can enter, and return it.

    If it exists with another owner, it and that owner's files go to the account.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account and path.stat().st_uid != account.uid:
        _change_owner(path, account)
    path.chmod(0o700)
    return path


def _change_owner(path: Path, account: Account) -> None:
    """Give a directory and its former owner's files in it to the account.

    The directory itself comes last, so that the next start resumes an interrupted
    change. Directory handles prevent a link added meanwhile from redirecting it.
    """
    owner, new = path.stat().st_uid, (account.uid, account.gid)
    for _, directories, files, handle in os.fwalk(path, topdown=False):
        for name in (*directories, *files):
            found = os.stat(name, dir_fd=handle, follow_symlinks=False)
            if found.st_uid == owner:
                os.chown(name, *new, dir_fd=handle, follow_symlinks=False)
    os.chown(path, *new)


def socket_directory(home: Path, account: Account | None) -> Path:
    """Return an empty directory with a path that is plain and short enough."""
    note = home / "sockets.path"
    if note.exists():
        _remove_sockets(Path(note.read_text(encoding="utf-8")), note)
        note.unlink()
    directory = home / "run"
    longest = os.fsencode(directory / POSTGRES_SOCKET)
    fits = len(longest) <= SOCKET_PATH_BYTES_MAX
    if fits and PLAIN_PATH.fullmatch(str(directory)):
        shutil.rmtree(directory, ignore_errors=True)
    else:
        directory = Path(tempfile.mkdtemp(prefix=SOCKETS_PREFIX, dir=SOCKETS_PARENT))
        write_whole(note, str(directory))
    return directory_of(account, directory)


def _remove_sockets(directory: Path, note: Path) -> None:
    """Remove the directory that a note names, if we made it for sockets."""
    if not os.path.lexists(directory):
        return
    status = directory.lstat()
    is_named = directory.parent == SOCKETS_PARENT and directory.name.startswith(
        SOCKETS_PREFIX
    )
    is_ours = status.st_uid in {os.geteuid(), *engine_uids()}
    if not (is_named and is_ours and stat.S_ISDIR(status.st_mode)):
        raise EnginesError(
            f"{note} names {directory}, which we did not make for sockets. Nothing"
            f" was removed: rm {shlex.quote(str(note))}"
        )
    shutil.rmtree(directory, ignore_errors=True)
