"""`python -m tests.gate`: the whole gate, called by .ci/run. Standard library only.

Two lanes share the two cores. One has the whole suite on the oldest Python, then the
sample of the newest; the other takes what that leaves: the checks, a newcomer's
`make run`, the sample of the Python between. More lanes would cost a tenth more CPU:
they drive each other's data out of the processors' caches.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tests.gate import budget
from tests.gate.steps import Ended, Step, run_lanes

DIRECTORY = Path(".gate")
COSTS = DIRECTORY / "costs.json"
UV = "UV=.venv/bin/uv"


def main() -> None:
    """Run the gate; exit 1 if a step failed."""
    started = time.monotonic()
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir()
    pythons = found_pythons()
    install, *lanes = lanes_for(pythons, commit())
    ended = run_lanes([install], DIRECTORY, show)
    if not failed(ended):
        ended += run_lanes(lanes, DIRECTORY, show)
    figures = budget.figures(ended, COSTS, wall_s=time.monotonic() - started)
    budget.save(figures, DIRECTORY / "figures.json")
    print(budget.report(figures, budget.recorded()), flush=True)
    if names := failed(ended):
        sys.exit(f"The gate is red: {', '.join(names)}.")
    print(f"The gate is green on Python {', '.join(pythons)}.")


def found_pythons() -> Mapping[str, str]:
    """Return the path of each usable Python from 3.11 to 3.13 by version."""
    listed = _output("make", "pythons")
    return dict(line.split(maxsplit=1) for line in listed.splitlines())


def commit() -> str:
    """Return the commit that is checked, which chooses the samples."""
    return _output("git", "rev-parse", "HEAD").strip()


def _output(*command: str) -> str:
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return ran.stdout


def lanes_for(pythons: Mapping[str, str], commit: str) -> list[list[Step]]:
    """Return the installation that all need, then the lanes that share the cores."""
    (oldest, path), *newer = pythons.items()
    install = make(f"install {oldest}", ".venv/.installed-dev", f"PYTHON={path}")
    whole = make(f"tests {oldest}", "test", f"ARGS=--costs {COSTS}", "BROWSER_TESTS=1")
    installs, samples = [], []
    for version, path in newer:
        venv = f".venv-{version}"
        python = [f"VENV={venv}", f"PYTHON={path}", UV]
        # The last sample has a core and a half to itself.
        workers = 2 if version == newer[-1][0] else 0
        chosen = f"ARGS=-n {workers} --sample {commit}"
        installs.append(make(f"install {version}", f"{venv}/.installed-dev", *python))
        samples.append(make(f"sample {version}", "test", *python, chosen))
    # Each commit's turn is one of the newer Pythons.
    version, path = [*newer, (oldest, path)][int(commit, 16) % max(1, len(newer))]
    first_decision = ["-m", "tests.gate.first_decision", ".venv-run", path]
    run = Step(f"make run {version}", [sys.executable, *first_decision])
    # Nothing reads mypy's cache again.
    check = make("check", "check", "MYPY_CACHE_DIR=/dev/null")
    others = [*installs, check, run, *samples[:-1]]
    return [[install], [whole, *samples[-1:]], [yielding(step) for step in others]]


def make(name: str, *arguments: str) -> Step:
    return Step(name, ["make", *arguments])


def yielding(step: Step) -> Step:
    """Return a step that takes what others leave of the cores.

    Under `nice` it would still make them wait at each of their many short pauses.
    """
    return replace(step, command=["chrt", "--idle", "0", *step.command])


def show(ended: Ended) -> None:
    verdict = "passed" if ended.code == 0 else f"FAILED with exit code {ended.code}"
    print(f"== {ended.name}: {verdict} in {ended.wall_s:.0f} s", flush=True)
    print(ended.output.rstrip(), flush=True)


def failed(ended: list[Ended]) -> list[str]:
    return [each.name for each in ended if each.code != 0]


if __name__ == "__main__":
    main()
