"""Start engines in a directory, say where they are, and wait to be killed.

    python -m tests.platform_site.hold_engines DIRECTORY [SPAWN]

With SPAWN, a stand-in for engines/spawn.py, the engines are not tied to us.
"""

from __future__ import annotations

import sys
from pathlib import Path

from platform_site.run.engines import Engines, processes
from platform_site.run.engines.directories import data_lock


def main() -> None:
    data = Path(sys.argv[1])
    if len(sys.argv) > 2:
        processes.SPAWN = Path(sys.argv[2])
    with data_lock(data):
        engines = Engines(data)
        urls = engines.start()
        pids = [str(each.process.pid) for each in engines.children if each.process]
        sys.stdout.write(
            f"{urls.database} {urls.redis} {engines.home} {' '.join(pids)}\n"
        )
        sys.stdout.flush()
        sys.stdin.read()
        engines.stop()


if __name__ == "__main__":
    main()
