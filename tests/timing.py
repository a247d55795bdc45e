"""How long code takes, as far as a shared machine can tell."""

from __future__ import annotations

import time
from collections.abc import Callable


def cpu_s(act: Callable[[], object], *, tries: int = 5) -> float:
    """Return the CPU seconds of the quickest of several runs.

    The quickest is what the code costs; the others are what the machine added. Good
    for telling linear from explosive, never for telling fast from slow.
    """
    return min(_once(act) for _ in range(tries))


def _once(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started
