"""What the gate costs, beside what was last recorded; nobody fails by it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.gate.steps import Ended

RECORDED = Path(__file__).with_name("budget.json")
BUDGET_S = 15 * 60
FILES, TESTS = 15, 10

Figures = Mapping[str, Any]


def figures(ended: Iterable[Ended], costs: Path, *, wall_s: float) -> dict[str, Any]:
    """Return what a run cost: seconds of CPU and wall time, by step, file and test."""
    steps = {each.name: [round(each.cpu_s), round(each.wall_s)] for each in ended}
    found = json.loads(costs.read_text(encoding="utf-8")) if costs.exists() else {}
    tests: dict[str, float] = found.get("tests", {})
    files: Counter[str] = Counter()
    for test, cpu_s in tests.items():
        files[test.partition("::")[0]] += cpu_s  # type: ignore[assignment]
    return {
        "cpu_s": sum(cpu_s for cpu_s, _ in steps.values()),
        "wall_s": round(wall_s),
        "load": [round(load, 1) for load in os.getloadavg()],
        "steps": steps,
        "tests": len(tests),
        "own_databases": found.get("own_databases", 0),
        "idle_s": round(found.get("idle_s", 0)),
        "files": {name: round(cpu_s, 1) for name, cpu_s in files.most_common(FILES)},
        "dearest": {
            name: round(cpu_s, 2) for name, cpu_s in Counter(tests).most_common(TESTS)
        },
    }


def save(figures: Figures, path: Path) -> None:
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def recorded() -> Figures:
    """Return the figures that `make gate-budget` recorded; empty if it never did."""
    if not RECORDED.exists():
        return {}
    found: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def report(now: Figures, before: Figures) -> str:
    """Return the budget as text, each figure beside the recorded one."""
    return "\n".join(_lines(now, before))


def _lines(now: Figures, before: Figures) -> Iterator[str]:
    yield "== The gate's budget: seconds now (last recorded)"
    yield _line("wall, of " + str(BUDGET_S), now["wall_s"], before.get("wall_s"))
    yield _line("CPU in all", now["cpu_s"], before.get("cpu_s"))
    yield f"{'load averages':>40}: {' '.join(map(str, now['load']))}"
    for name, (cpu_s, wall_s) in now["steps"].items():
        old = before.get("steps", {}).get(name, [None, None])
        yield _line(f"{name}, CPU", cpu_s, old[0])
        yield _line(f"{name}, wall", wall_s, old[1])
    yield _line("idle time of the slowest worker", now["idle_s"], before.get("idle_s"))
    yield _line("tests", now["tests"], before.get("tests"))
    own = "tests with a database of their own"
    yield _line(own, now["own_databases"], before.get("own_databases"))
    for title, key in (("dearest files", "files"), ("dearest tests", "dearest")):
        yield f"-- {title}, CPU without the servers'"
        for name, cpu_s in now[key].items():
            yield _line(name, cpu_s, before.get(key, {}).get(name))


def _line(name: str, now: float, before: float | None) -> str:
    return f"{name:>40}: {now} ({'–' if before is None else before})"
