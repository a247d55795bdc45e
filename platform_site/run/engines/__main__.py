"""`python -m platform_site.run.engines exec -- COMMAND ...`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

from platform_site.run.engines import EnginesError, throwaway_engines
from platform_site.run.engines.processes import as_child
from platform_site.run.keys import throwaway_keys

USAGE = "usage: python -m platform_site.run.engines exec -- COMMAND [ARGUMENT ...]"


def main(arguments: list[str]) -> int:
    """Run the command with throw-away engines and keys; return its exit code."""
    match arguments:
        case ["exec", "--", program, *rest]:
            command = [program, *rest]
        case _:
            sys.exit(USAGE)
    # Ctrl-C reaches the command too; the engines stop after it.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    environ = dict(os.environ)
    environ |= throwaway_keys(environ)
    try:
        with throwaway_engines() as urls:
            for name in ("DATABASE_URL_FILE", "REDIS_URL_FILE"):
                environ.pop(name, None)
            environ |= {"DATABASE_URL": urls.database, "REDIS_URL": urls.redis}
            return _run(command, environ)
    except EnginesError as error:
        sys.exit(str(error))


def _run(command: list[str], environ: dict[str, str]) -> int:
    env_program = ["/usr/bin/env", *command]  # Finds the program on PATH.
    tied = as_child(env_program, death_signal=signal.SIGTERM)
    with subprocess.Popen(tied, env=environ) as process:  # noqa: S603
        try:
            return process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()


sys.exit(main(sys.argv[1:]))
