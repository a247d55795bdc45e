"""The operating system account that the engines run as when started by root."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import PurePath

from platform_site.run.engines.processes import Account, run

OWN = "aap-engines"
SHARED = ("nobody", "daemon")
SYSTEM_IDS = range(1, 1000)
NO_SHELLS = frozenset({"nologin", "false"})
ADMIN_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


def unprivileged_account(*, make: bool = False) -> Account | None:
    """Return the account for the engines, None for our own (if we are not root).

    With `make`, the engines' own account is created if it is missing.
    """
    if os.geteuid() != 0:
        return None
    own, missing = _entry(OWN), f"there is no account {OWN}"
    if make and own is None:
        missing = _make(OWN)
        own = _entry(OWN)
    return choose(own, shared=_shared(), missing=missing)


def engine_uids() -> set[int]:
    """Return the uids that may own files in root's data directory.

    Includes the shared account, which earlier versions used for the engines.
    """
    if os.geteuid() != 0:
        return set()
    account, shared = unprivileged_account(), _shared()
    uids = {shared.pw_uid} if shared else set()
    return uids | ({account.uid} if account else set())


def choose(
    own: pwd.struct_passwd | None,
    *,
    shared: pwd.struct_passwd | None,
    missing: str,
) -> Account | None:
    """Return the engines' own account, else the shared one, else None.

    `missing` says why there is no own account; the shared one carries the reason.
    """
    problem = _problem(own) if own else missing
    if own and not problem:
        return Account(own.pw_uid, own.pw_gid, own.pw_name)
    if shared is None:
        return None
    return Account(shared.pw_uid, shared.pw_gid, shared.pw_name, problem)


def _problem(entry: pwd.struct_passwd) -> str:
    """Return why we cannot have created this account, or ""."""
    if not {entry.pw_uid, entry.pw_gid} <= set(SYSTEM_IDS):
        return f"{entry.pw_name} is not a system account"
    if PurePath(entry.pw_shell).name not in NO_SHELLS:
        return f"{entry.pw_name} has a login shell"
    return ""


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _shared() -> pwd.struct_passwd | None:
    return next(filter(None, map(_entry, SHARED)), None)


def _make(name: str) -> str:
    """Create a system account and its group; return why that failed, or ""."""
    useradd = shutil.which("useradd", path=ADMIN_PATH)
    if useradd is None:
        return f"there is no useradd to make {name} with"
    shell = shutil.which("nologin", path=ADMIN_PATH) or "/bin/false"
    command = [useradd, "--system", "--user-group", "--no-create-home"]
    command += ["--home-dir", "/nonexistent", "--shell", shell, name]
    made = run(command)
    return "" if made.returncode == 0 else made.stdout.strip().replace("\n", "; ")
