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

from platform_site.engines.accounts import engine_uids
from platform_site.engines.binaries import EnginesError
from platform_site.engines.processes import Account, can_enter
from platform_site.keys import write_whole

FALLBACK_PARENTS = ("/var/lib", "/var/tmp", "/tmp")  # noqa: S108
SOCKET_PATH_BYTES_MAX = 107
POSTGRES_SOCKET = ".s.PGSQL.5432"
WRITTEN_BY_US = ("log", "pids", "checkpoints")
# Names of what we make elsewhere; a note that names anything else is not ours.
HOME_PREFIX = "ai-agent-platform-"
SOCKETS_PARENT, SOCKETS_PREFIX = Path("/tmp"), "aap-"  # noqa: S108 - made safely.
# Spelled the same in every URL dialect: psycopg's, redis-py's, kombu's.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")


def check_is_ours(directory: Path) -> None:
    """Raise EnginesError unless nobody else can have put what lies there.

    Looks at the directory, at all in it and at what lies in those of its directories
    that we write to ourselves: whose it is, whether others may write, and that no link
    leads elsewhere, as one of an archive or a copy may.
    """
    us = {os.geteuid()}
    _check(directory.resolve(), us)
    # A group of one's own may write: that is many systems' umask.
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
        raise EnginesError(f"{path} is no file and no directory: rm {quoted}")
    if is_file and status.st_nlink > 1:
        raise EnginesError(
            f"{path} has another name elsewhere (a hard link), and what is written here"
            f" would be there, too: cp -p {quoted} {quoted}.own"
            f" && mv {quoted}.own {quoted}"
        )
    if status.st_uid not in owners:
        us = _name_of(os.geteuid())
        raise EnginesError(
            f"{path} belongs to {_name_of(status.st_uid)}, and this is {us}. Run it as "
            f"that account, or give it over: chown -R {us} {quoted}"
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
        # A directory of anybody else's may be a trap, and another of ours is no home.
        is_ours = status.st_uid == os.geteuid() and not status.st_mode & 0o022
        has_name = home.is_absolute() and home.name.startswith(HOME_PREFIX)
        if not is_ours or not has_name or not stat.S_ISDIR(status.st_mode):
            raise EnginesError(
                f"{home}, named by {note}, is not ours alone, or no directory called"
                f" {HOME_PREFIX}…: name the one with the database there, or remove"
                f" {note} to begin with an empty one."
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
    """Remove the directory that a note names, if it is one that we made for sockets."""
    if not os.path.lexists(directory):
        return
    status = directory.lstat()
    is_named = directory.parent == SOCKETS_PARENT and directory.name.startswith(
        SOCKETS_PREFIX
    )
    is_ours = status.st_uid in {os.geteuid(), *engine_uids()}
    if not (is_named and is_ours and stat.S_ISDIR(status.st_mode)):
        raise EnginesError(
            f"{note} names {directory}, which is no directory of our sockets. Nothing"
            f" was removed: rm {shlex.quote(str(note))}"
        )
    shutil.rmtree(directory, ignore_errors=True)
