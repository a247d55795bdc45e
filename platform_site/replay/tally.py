"""Count the answers, in constant memory, and show them as a table."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

SHOWN_REASONS = 10
SHOWN_MALFORMED = 20
PERCENTILES = (50, 90, 99)
VERDICT = 201
RATE_LIMITED = "429"
OUTCOMES = ("allow", "hold", "deny")


class Latencies:
    """A histogram with buckets one percent wide: percentiles are as precise as that."""

    WIDTH = math.log(1.01)
    SMALLEST_S = 1e-5

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.max_s = 0.0

    def add(self, seconds: float) -> None:
        ratio = max(seconds, self.SMALLEST_S) / self.SMALLEST_S
        self._buckets[int(math.log(ratio) / self.WIDTH)] += 1
        self.max_s = max(self.max_s, seconds)

    def percentile_s(self, percent: float) -> float:
        """Return the latency that `percent` did not exceed; 0 without values."""
        wanted = self._buckets.total() * percent / 100
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                upper = self.SMALLEST_S * math.exp((bucket + 1) * self.WIDTH)
                return min(upper, self.max_s)
        return 0.0


@dataclass
class Tally:
    """Counts of sent rows and their answers. Threads add to it concurrently."""

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    latencies: Latencies = field(default_factory=Latencies)
    sent: int = 0
    replayed: int = 0
    malformed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count_answer(
        self,
        status: int,
        *,
        outcome: str | None,
        reasons: Iterable[str],
        is_replay: bool,
        latency_s: float,
    ) -> None:
        """Count the final answer to one row."""
        with self._lock:
            self.sent += 1
            self.statuses[status] += 1
            if outcome is not None:
                self.outcomes[outcome] += 1
            self.reasons.update(reasons)
            self.replayed += is_replay
            self.latencies.add(latency_s)

    def count_retry(self, why: str) -> None:
        """Count an attempt that is followed by another."""
        with self._lock:
            self.retries[why] += 1

    @property
    def verdicts(self) -> str:
        """The outcomes so far, as the progress bar shows them."""
        return ", ".join(f"{self.outcomes[name]} {name}" for name in OUTCOMES)

    @property
    def failed(self) -> int:
        """Number of rows whose final answer was not a verdict."""
        return self.statuses.total() - self.statuses[VERDICT]

    def table(self, seconds: float) -> str:
        """Return all counts, and the rate over these seconds, as aligned lines."""
        return "\n".join(f"{name:<13}{text}" for name, text in self._lines(seconds))

    def _lines(self, seconds: float) -> Iterator[tuple[str, str]]:
        yield "Rows", f"{self.sent} answered, {self.malformed} malformed"
        yield "Replayed", f"{self.replayed} had been sent before"
        yield from _counted("Outcomes", self.outcomes)
        yield from _counted("Top reasons", self.reasons, SHOWN_REASONS)
        yield from _counted("Status codes", self.statuses)
        yield from _counted("Tried again", self.retries)
        shown = [
            f"p{percent} {_ms(self.latencies.percentile_s(percent))}"
            for percent in PERCENTILES
        ]
        yield "Latency", "  ".join([*shown, f"max {_ms(self.latencies.max_s)}"])
        rate = self.sent / seconds if seconds else 0.0
        yield "Throughput", f"{rate:.1f} rows/s over {seconds:.1f} s"


def _counted(
    name: str, counter: Counter[str] | Counter[int], limit: int | None = None
) -> Iterator[tuple[str, str]]:
    for key, count in counter.most_common(limit):
        yield name, f"{key:<28} {count:>9}"
        name = ""


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
