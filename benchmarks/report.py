"""Output and argument types of the benchmarks."""

from __future__ import annotations

import argparse
import statistics
import sys


def show(line: str) -> None:
    """Print a line at once, because a run takes minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def spread(values: list[float], form: str) -> str:
    """Return the median of the values, with minimum and maximum."""
    return (
        f"{statistics.median(values):{form}}"
        f" ({min(values):{form}} to {max(values):{form}})"
    )


def whole(text: str) -> int:
    """Parse a whole number above zero; a `type` of argparse."""
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero.")
