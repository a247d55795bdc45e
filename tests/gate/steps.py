"""Steps of the gate: commands that run side by side, timed from outside."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Step:
    """A command with its name in the budget."""

    name: str
    command: Sequence[str]


@dataclass(frozen=True, slots=True)
class Ended:
    """A step that has ended; the CPU seconds are its own and its descendants'."""

    name: str
    code: int
    wall_s: float
    cpu_s: float
    output: str


def run(step: Step, directory: Path) -> Ended:
    """Run a step; its output is kept apart from that of the others."""
    output = directory / f"{step.name.replace(' ', '-')}.log"
    started = time.monotonic()
    with output.open("wb") as file:
        process = subprocess.Popen(
            step.command, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Ended(
        name=step.name,
        code=process.returncode,
        wall_s=time.monotonic() - started,
        cpu_s=usage.ru_utime + usage.ru_stime,
        output=output.read_text(encoding="utf-8", errors="replace"),
    )


def run_lanes(
    lanes: Iterable[Sequence[Step]], directory: Path, show: Callable[[Ended], None]
) -> list[Ended]:
    """Run lanes side by side, the steps of each in order; show each as it ends.

    A failed step does not stop those after it: one run finds all that is wrong.
    """
    ended: list[Ended] = []

    def run_lane(lane: Sequence[Step]) -> None:
        for step in lane:
            ended.append(run(step, directory))
            show(ended[-1])

    with ThreadPoolExecutor() as pool:
        list(pool.map(run_lane, lanes))
    return ended
