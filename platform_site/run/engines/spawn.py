"""Run a command that never outlives its parent. A script, never imported.

    python -I -S spawn.py PARENT_PID DEATH_SIGNAL UID:GID COMMAND ...

A separate process, because `preexec_fn` is unsafe with threads, and because the
engines' account may be unable to read this Python or this file.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: str, death_signal: str, account: str, *command: str) -> None:
    """Drop privileges, tie this process to its parent and exec the command."""
    libc = ctypes.CDLL(None)
    if account:
        uid, gid = account.split(":")
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if account:
        os.umask(0o077)
    # Python changes these; the command expects the defaults.
    for name in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(name, signal.SIG_DFL)
    if sys.platform == "linux":
        # After setuid, which would clear it.
        libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("The parent is gone.")
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError as error:
        sys.exit(f"{sys.argv[4]}: {error.strerror}")
