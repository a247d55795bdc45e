"""`python -m benchmarks hot-agent`: how much one busy agent slows a hundred others.

Decisions of one agent wait for the lock of its row. Settings in alternation: a hundred
agents alone; with several clients that all send requests of one more agent; with as
many clients that have an agent each: the same load, but no waiting for locks. Clients
that send without a pause compete for the cores. So the hundred agents also send at a
pace that leaves cores idle, alone and with the hot agent.
"""

from __future__ import annotations

import argparse
import statistics

from benchmarks.endpoint import agent_tokens
from benchmarks.report import show, spread, whole
from benchmarks.stack import Sample, running_stack
from benchmarks.wire import Client, ask_together

AGENTS = 100
COMPARED = (
    ("beside the hot agent", "alone"),
    ("beside the hot agent", "beside as many others"),
    ("paced, beside the hot agent", "paced, alone"),
)


def main(arguments: list[str]) -> None:
    """Measure as the command line says. Raises BenchmarkError, ReplayError."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks hot-agent")
    parser.add_argument("--rounds", type=whole, default=5, help="[5]")
    parser.add_argument("--seconds", type=whole, default=6, help="of each setting [6]")
    parser.add_argument("--clients", type=whole, default=8, help="of the hundred [8]")
    parser.add_argument("--hammering", type=whole, default=4, help="more clients [4]")
    parser.add_argument("--pace", type=whole, default=50, help="per s [50]")
    options = parser.parse_args(arguments)
    with running_stack() as stack:
        tokens = agent_tokens(stack, AGENTS + 1 + options.hammering)
        port, many = stack.port, tokens[:AGENTS]
        others, paced = (
            [
                Client(port, many[one :: options.clients], number=one, per_s=per_s)
                for one in range(options.clients)
            ]
            for per_s in (0, options.pace / options.clients)
        )
        hammering = range(options.hammering)
        hot = [Client(port, [tokens[AGENTS]], number=one) for one in hammering]
        own = [Client(port, [tokens[AGENTS + 1 + one]]) for one in hammering]
        settings: dict[str, list[list[Client]]] = {
            "alone": [others],
            "beside the hot agent": [others, hot],
            "beside as many others": [others, own],
            "paced, alone": [paced],
            "paced, beside the hot agent": [paced, hot],
        }
        rounds = [
            _round(settings, number, options.seconds)
            for number in range(options.rounds)
        ]
    _show(rounds)


Round = dict[str, list[Sample]]


def _round(settings: dict[str, list[list[Client]]], number: int, seconds: int) -> Round:
    """Measure each setting once, each round starting with the next one."""
    names = list(settings)
    first = number % len(names)
    return {
        name: ask_together(*settings[name], seconds=seconds)
        for name in names[first:] + names[:first]
    }


def _show(rounds: list[Round]) -> None:
    show(f"{'the hundred agents':<30}{'per s':>24}{'p99 ms':>24}{'the rest per s':>18}")
    for name in sorted(rounds[0]):
        samples = [one[name] for one in rounds]
        rest = [sample[1].per_s for sample in samples if len(sample) > 1]
        show(
            f"{name:<30}{spread([one[0].per_s for one in samples], '.0f'):>24}"
            f"{spread([one[0].p99_ms for one in samples], '.0f'):>24}"
            f"{statistics.median(rest) if rest else 0:>18.0f}"
        )
    for name, other in COMPARED:
        ratios = [one[name][0].per_s / one[other][0].per_s for one in rounds]
        show(f"{f'{name} / {other}':<50}{spread(ratios, '.2f')}")
