"""How long code takes, as far as a shared machine can tell."""

from __future__ import annotations

import time
from collections.abc import Callable

# What `_reference` costs on a calm machine of the usual kind.
_REFERENCE_S = 0.014


def cpu_s(act: Callable[[], object], *, tries: int = 5) -> float:
    """Return the CPU seconds of the quickest of several runs, on a calm machine.

    The quickest is what the code costs; the others are what the machine added. A
    machine that is slow all the while is slow for the reference run beside it too, and
    is forgiven by as much. Good for telling linear from explosive, never for telling
    fast from slow.
    """
    costs, references = zip(
        *((_once(act), _once(_reference)) for _ in range(tries)), strict=True
    )
    return min(costs) / max(1.0, min(references) / _REFERENCE_S)


def _reference() -> int:
    return sum(len(str(number)) for number in range(100_000))


def _once(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started
