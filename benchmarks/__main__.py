"""`python -m benchmarks`: the decision endpoint beside the floor, round by round."""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from benchmarks.endpoint import Endpoint
from benchmarks.floor import Floor
from benchmarks.measures import Sample, fsync_ms, machine
from benchmarks.stack import BenchmarkError, running_stack
from platform_site.replay.client import ReplayError

WARM_UP_S = 1
HEADERS = ("floor/s", "p50 ms", "p99 ms", "endpoint/s", "p50 ms", "p99 ms", "ratio")
ROW = "{:<7}{:>9}{:>9}{:>9}{:>12}{:>9}{:>9}{:>8}{:>7}{:>10}"


@dataclass(frozen=True, slots=True)
class Round:
    """Both sides, one right after the other, and what the machine did besides."""

    floor: Sample
    endpoint: Sample
    load_average: float
    fsync_ms: float

    @property
    def ratio(self) -> float:
        return self.endpoint.per_s / self.floor.per_s

    def shown(self) -> list[str]:
        """Return the round as a row of the table."""
        cells = []
        for side in (self.floor, self.endpoint):
            cells += [f"{side.per_s:.1f}", f"{side.p50_ms:.2f}", f"{side.p99_ms:.2f}"]
        cells += [f"{self.ratio:.3f}", f"{self.load_average:.1f}"]
        return [*cells, f"{self.fsync_ms:.2f}"]


def main() -> None:
    """Measure as the command line says; end with 1 when that cannot be done."""
    options = _options()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        results = measure(options.rounds, options.seconds, options.clients)
    except (BenchmarkError, ReplayError) as error:
        sys.exit(str(error))
    if options.output is not None:
        text = json.dumps(results, indent=2)
        options.output.write_text(f"{text}\n", encoding="utf-8")


def measure(count: int, seconds: int, clients: int) -> dict[str, object]:
    """Return the results of so many rounds; shows each one as it ends."""
    facts = machine() | {"clients": clients, "seconds": seconds}
    _show("Starting a platform and a second database, without data ...")
    with running_stack() as stack:
        endpoint = Endpoint(stack, clients=clients)
        floor = Floor(stack, clients=clients)
        facts["postgresql"] = floor.server_version
        for name, fact in facts.items():
            _show(f"{name:<14}{fact}")
        _show(ROW.format("\nround", *HEADERS, "load", "fsync ms"))
        for side in (floor, endpoint):
            side.measure(seconds=WARM_UP_S)
        rounds = []
        for number in range(count):
            measured = {}
            # Each goes first in turn, so that a drift favours neither.
            for side in (floor, endpoint)[:: -1 if number % 2 else 1]:
                measured[side] = side.measure(seconds=seconds)
            rounds.append(
                Round(
                    measured[floor],
                    measured[endpoint],
                    load_average=os.getloadavg()[0],
                    fsync_ms=fsync_ms(stack.data),
                )
            )
            _show(ROW.format(number + 1, *rounds[-1].shown()))
    return _summed_up(facts, rounds, dict(endpoint.outcomes))


def _summed_up(
    facts: dict[str, object], rounds: list[Round], outcomes: dict[str, int]
) -> dict[str, object]:
    """Show and return medians with their spread, beside all that they come from."""
    columns = {
        "floor per s": [one.floor.per_s for one in rounds],
        "endpoint per s": [one.endpoint.per_s for one in rounds],
        "endpoint p50 ms": [one.endpoint.p50_ms for one in rounds],
        "endpoint p99 ms": [one.endpoint.p99_ms for one in rounds],
        "ratio": [one.ratio for one in rounds],
    }
    summary = {
        name: {
            "median": statistics.median(column),
            "min": min(column),
            "max": max(column),
        }
        for name, column in columns.items()
    }
    _show("\nmedian (min to max)")
    for name, of in summary.items():
        _show(f"{name:<16}{of['median']:>8.3g} ({of['min']:.3g} to {of['max']:.3g})")
    _show(f"{'outcomes':<16}{outcomes}")
    listed = [asdict(one) | {"ratio": one.ratio} for one in rounds]
    return {
        "facts": facts,
        "rounds": listed,
        "summary": summary,
        "outcomes": outcomes,
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure decisions through HTTP as a ratio to pgbench making the "
        "same durable writes. Starts a platform of its own and removes it.",
    )
    add = parser.add_argument
    add("--rounds", type=_whole, default=5, help="of floor and endpoint [5]")
    add("--seconds", type=_whole, default=6, help="of each side per round [6]")
    add("--clients", type=_whole, default=8, help="connections of each side [8]")
    add("--output", type=Path, metavar="FILE", help="write the results there as JSON")
    return parser.parse_args()


def _whole(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero.")


def _stop(number: int, frame: FrameType | None) -> None:
    """End in order, whatever is under way; a second signal does not disturb that."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
