"""What is measured, and the circumstances it was measured under."""

from __future__ import annotations

import math
import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FSYNCS = 60
BLOCK = bytes(8192)  # As large as a page of PostgreSQL's log.


@dataclass(frozen=True, slots=True)
class Sample:
    """What one side did in one round."""

    decisions: int
    per_s: float
    p50_ms: float
    p99_ms: float


def sample(latencies_s: Sequence[float], *, seconds: float) -> Sample:
    """Return the sample of so many decisions in so many seconds, at least one."""
    ordered = sorted(latencies_s)
    return Sample(
        decisions=len(ordered),
        per_s=len(ordered) / seconds,
        p50_ms=1000 * _percentile(ordered, 50),
        p99_ms=1000 * _percentile(ordered, 99),
    )


def _percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the value that so many percent do not exceed (nearest rank)."""
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


def fsync_ms(directory: Path) -> float:
    """Return the median time that one block takes to reach this directory's disk.

    By fdatasync, as PostgreSQL does on Linux by default; near 0 tells of a disk in
    memory or of one that lies, and then no durable rate below means anything.
    """
    path = directory / "fsync-probe"
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    sync = getattr(os, "fdatasync", os.fsync)
    times = []
    try:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            os.pwrite(file, BLOCK, 0)
            sync(file)
            times.append(time.perf_counter() - began)
    finally:
        os.close(file)
        path.unlink()
    return 1000 * statistics.median(times)


def machine() -> dict[str, object]:
    """Return what a reader must know of this machine to read the numbers."""
    return {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }
