"""How long code takes, as far as a shared machine can measure."""

from __future__ import annotations

import time
from collections.abc import Callable

# What `_reference` costs on a calm machine of the usual kind.
_REFERENCE_S = 0.014


def is_under(limit_s: float, act: Callable[[], object], *, tries: int = 5) -> bool:
    """Return whether code takes less CPU than a limit, on a calm machine.

    One quick run is proof. A machine that is slow all the while is slow for the
    reference runs too, and is forgiven by as much. It distinguishes
    linear from explosive, never fast from slow.
    """
    costs = []
    for _ in range(tries):
        costs.append(_once(act))
        if costs[-1] < limit_s:
            return True
    return min(costs) < limit_s * max(1.0, cpu_s(_reference) / _REFERENCE_S)


def cpu_s(act: Callable[[], object], *, tries: int = 5) -> float:
    """Return the CPU seconds of the quickest of several runs.

    The quickest is what the code costs; the others are what the machine added.
    """
    return min(_once(act) for _ in range(tries))


def _reference() -> int:
    return sum(len(str(number)) for number in range(100_000))


def _once(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started
