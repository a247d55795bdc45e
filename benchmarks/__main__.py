"""`python -m benchmarks`: compare the endpoint with pgbench and a naive peer."""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import signal
import statistics
import sys
import time
from pathlib import Path
from types import FrameType

from benchmarks import hot_agent
from benchmarks.endpoint import Endpoint
from benchmarks.floor import Floor
from benchmarks.peer import Peer, running_peer
from benchmarks.report import show, whole
from benchmarks.stack import BenchmarkError, running_stack
from platform_site.replay.client import ReplayError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WARM_UP_S = 1
FSYNCS = 50
COLUMNS = (
    *("floor per s", "floor p50 ms", "floor p99 ms"),
    *("endpoint per s", "endpoint p50 ms", "endpoint p99 ms"),
    *("naive per s", "naive p50 ms", "naive p99 ms"),
    *("of the floor", "times naive", "load average", "fsync ms"),
)


def main() -> None:
    """Measure as the command line says; exit with 1 if that is not possible."""
    for number in SIGNALS:
        signal.signal(number, _stop)
    match sys.argv[1:]:
        case ["growth", *rest]:
            # This one runs on throw-away engines.
            engines = ["-m", "platform_site.run.engines", "exec", "--", sys.executable]
            command = [sys.executable, *engines, "-m", "benchmarks.growth", *rest]
            os.execv(sys.executable, command)  # noqa: S606 - our own command.
        case ["hot-agent", *rest]:
            work = functools.partial(hot_agent.main, rest)
        case rest:
            work = functools.partial(_compare, rest)
    try:
        work()
    except (BenchmarkError, ReplayError) as error:
        sys.exit(str(error))


def _compare(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure decisions through HTTP as a ratio to pgbench making the "
        "same durable writes, and to a naive peer. Starts a platform of its own and "
        "removes it. Also: python -m benchmarks growth, … hot-agent.",
    )
    parser.add_argument("--rounds", type=whole, default=5, help="[5]")
    parser.add_argument("--seconds", type=whole, default=6, help="of each side [6]")
    parser.add_argument("--clients", type=whole, default=8, help="of each side [8]")
    parser.add_argument("--output", type=Path, metavar="FILE", help="results as JSON")
    options = parser.parse_args(arguments)
    results = measure(options.rounds, options.seconds, options.clients)
    if options.output is not None:
        options.output.write_text(json.dumps(results, indent=2), encoding="utf-8")


def measure(count: int, seconds: int, clients: int) -> dict[str, object]:
    """Run `count` rounds, print each as it ends, and return all results."""
    facts: dict[str, object] = {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "clients": clients,
        "seconds": seconds,
    }
    show("Starting a platform and a second database, both empty ...")
    with running_stack() as stack, running_peer(stack, clients=clients) as naive:
        endpoint = Endpoint(stack, clients=clients)
        floor = Floor(stack, clients=clients)
        facts["postgresql"] = floor.server_version
        show("".join(f"{name:<16}{fact}\n" for name, fact in facts.items()))
        show(("{:>16}" * len(COLUMNS)).format(*COLUMNS))
        rounds: list[list[float]] = []
        sides: list[Floor | Endpoint | Peer] = [floor, endpoint, naive]
        for side in sides:
            side.measure(seconds=WARM_UP_S)
        for number in range(count):
            # The sides take turns at being first, so that a drift favours none.
            first = number % len(sides)
            order = sides[first:] + sides[:first]
            samples = {side: side.measure(seconds=seconds) for side in order}
            low, high, peer = samples[floor], samples[endpoint], samples[naive]
            rounds.append(
                [
                    *(low.per_s, low.p50_ms, low.p99_ms),
                    *(high.per_s, high.p50_ms, high.p99_ms),
                    *(peer.per_s, peer.p50_ms, peer.p99_ms),
                    *(high.per_s / low.per_s, high.per_s / peer.per_s),
                    *(os.getloadavg()[0], _fsync_ms(stack.data)),
                ]
            )
            show("".join(f"{number:>16.3f}" for number in rounds[-1]))
    summary = _summary(rounds)
    facts["outcomes"] = dict(endpoint.outcomes)
    show(f"\noutcomes        {facts['outcomes']}")
    named = [dict(zip(COLUMNS, one, strict=True)) for one in rounds]
    return {"facts": facts, "rounds": named, "summary": summary}


def _summary(rounds: list[list[float]]) -> dict[str, dict[str, float]]:
    """Print and return the median, minimum and maximum of each column."""
    summary = {}
    show(f"\n{'':<16}{'median':>10}{'min':>10}{'max':>10}")
    for name, values in zip(COLUMNS, zip(*rounds, strict=True), strict=True):
        found = (statistics.median(values), min(values), max(values))
        show(f"{name:<16}" + "".join(f"{value:>10.3f}" for value in found))
        summary[name] = dict(zip(("median", "min", "max"), found, strict=True))
    return summary


def _fsync_ms(directory: Path) -> float:
    """Return the median time a page takes to reach the disk under this directory.

    Uses fdatasync, as PostgreSQL does on Linux. A value near 0 means a disk in memory
    or one that does not really write; rates of durable writes are then meaningless.
    """
    times = []
    with (directory / "fsync-probe").open("wb", buffering=0) as file:
        for _ in range(FSYNCS):
            file.seek(0)
            began = time.perf_counter()
            file.write(bytes(8192))
            getattr(os, "fdatasync", os.fsync)(file.fileno())
            times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def _stop(number: int, frame: FrameType | None) -> None:
    """Stop in order and ignore further signals."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
