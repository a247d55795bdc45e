"""The gate's own parts: what a sample holds, what a lane runs, what the budget says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.gate import budget, costs
from tests.gate.__main__ import lanes_for
from tests.gate.sample import is_chosen, sample
from tests.gate.steps import Ended, Step, run_lanes
from tests.house.source import ROOT

COMMITS = [f"{number:040x}" for number in range(100)]


@dataclass(frozen=True)
class Item:
    """As much of a collected test as a sample looks at."""

    nodeid: str
    fixturenames: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self.marks else None


def sampled(items: Iterable[Item], commit: str = COMMITS[0]) -> list[str]:
    return [item.nodeid for item in sample(items, commit, "3.12")]  # type: ignore[arg-type]


def cases(function: str, *fixtures: str, marks: tuple[str, ...] = ()) -> list[Item]:
    return [Item(f"{function}[{case}]", fixtures, marks) for case in ("a", "b", "c")]


def test_the_first_case_of_a_function_without_a_database_is_sampled():
    items = cases("tests/x.py::test_one", "settings") + cases("tests/x.py::test_two")

    assert sampled(items) == ["tests/x.py::test_one[a]", "tests/x.py::test_two[a]"]


def test_flows_and_the_platform_are_sampled_whatever_they_need():
    items = cases("tests/flows/x.py::test_one", "people", "database")
    items += cases("tests/platform_site/x.py::test_two", "committed_db")

    assert sampled(items) == [
        "tests/flows/x.py::test_one[a]",
        "tests/platform_site/x.py::test_two[a]",
    ]


def test_no_browser_and_no_stress_test_is_sampled_not_even_as_the_first_case():
    items = [
        *cases("tests/x.py::test_page", marks=("browser",)),
        Item("tests/x.py::test_one[long]", marks=("stress",)),
        Item("tests/x.py::test_one[short]"),
    ]

    assert sampled(items) == ["tests/x.py::test_one[short]"]


def test_of_the_tests_with_a_database_those_are_sampled_that_the_commit_chooses():
    items = cases("tests/x.py::test_one", "db")
    items += cases("tests/x.py::test_marked", marks=("django_db",))

    ids = [item.nodeid for item in items]
    for commit in COMMITS:
        assert sampled(items, commit) == [
            one for one in ids if is_chosen(one, commit, "3.12")
        ]
    assert {one for commit in COMMITS for one in sampled(items, commit)} == set(ids)


def test_every_test_meets_both_versions_within_some_commits():
    tests = [f"tests/x.py::test_{number}[a]" for number in range(500)]

    for python in ("3.12", "3.13"):
        met = {
            test: sum(is_chosen(test, commit, python) for commit in COMMITS)
            for test in tests
        }
        assert min(met.values()) > 0
        assert 0.115 < sum(met.values()) / (500 * 100) < 0.135  # One in eight.


def test_a_failed_step_is_shown_and_those_after_it_still_run(tmp_path: Path):
    failing = Step("one", [sys.executable, "-c", "print('no'); raise SystemExit(3)"])
    busy = "import time\nwhile time.process_time() < 0.2: pass\nprint('yes')"
    lanes = [[failing, Step("two", [sys.executable, "-c", busy])], []]
    shown: list[Ended] = []

    ended = run_lanes(lanes, tmp_path, shown.append)

    assert shown == ended
    assert [(each.name, each.code, each.output) for each in ended] == [
        ("one", 3, "no\n"),
        ("two", 0, "yes\n"),
    ]
    assert ended[1].cpu_s >= 0.2


def names_of(lanes: list[list[Step]]) -> list[list[str]]:
    return [[step.name for step in lane] for lane in lanes]


def test_the_whole_suite_runs_on_the_oldest_python_and_samples_on_the_others():
    pythons = {"3.11": "/p/3.11", "3.12": "/p/3.12", "3.13": "/p/3.13"}

    lanes = lanes_for(pythons, COMMITS[7])

    assert names_of(lanes) == [
        ["install 3.11"],
        ["tests 3.11", "sample 3.13"],
        ["install 3.12", "install 3.13", "check", "make run 3.13", "sample 3.12"],
    ]
    _, (whole, sampled), beside = lanes
    assert "BROWSER_TESTS=1" in whole.command
    assert f"ARGS=-n 2 --sample {COMMITS[7]}" in sampled.command
    assert [step.command[0] for step in beside] == ["chrt"] * 5
    assert lanes_for(pythons, COMMITS[8])[2][3].name == "make run 3.12"


def test_one_python_is_enough_for_the_gate():
    lanes = lanes_for({"3.13": "/p/3.13"}, COMMITS[1])

    assert names_of(lanes) == [
        ["install 3.13"],
        ["tests 3.13"],
        ["check", "make run 3.13"],
    ]


def test_the_costs_of_tests_are_recorded_whatever_comes_of_them(tmp_path: Path):
    (tmp_path / "test_costs.py").write_text(
        "import time\n"
        "def test_dear():\n"
        "    end = time.process_time() + 0.5\n"
        "    while time.process_time() < end: pass\n"
        "def test_red(record_property):\n"
        "    record_property('own database', True)\n    assert False\n"
    )
    costs = tmp_path / "costs.json"
    plugins = [f"-p{name}" for name in ("tests.gate.costs", "no:randomly", "no:django")]
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", *plugins]
    command += ["--rootdir", str(tmp_path), "--costs", str(costs), str(tmp_path)]

    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 1, ran.stdout
    found = json.loads(costs.read_text())
    dear, red = found["tests"].values()
    assert [name.partition("::")[2] for name in found["tests"]] == [
        *("test_dear", "test_red")
    ]
    assert dear >= 0.5 > red > 0
    assert found["own_databases"] == 1


def test_the_dearest_files_begin_and_the_others_keep_their_order(monkeypatch):
    figures = {"files": {"b.py": 2.0, "c.py": 9.0}}
    monkeypatch.setattr(budget, "recorded", lambda: figures)
    items = [Item(f"{name}::test") for name in ("d.py", "b.py", "c.py", "a.py")]

    costs.pytest_collection_modifyitems(items)  # type: ignore[arg-type]

    begun = [item.nodeid for item in items]
    assert begun == ["c.py::test", "b.py::test", "d.py::test", "a.py::test"]


def test_the_budget_adds_up_and_stands_beside_what_was_recorded(tmp_path: Path):
    costs = tmp_path / "costs.json"
    tests = {"tests/a.py::test_one[x]": 1.25, "tests/a.py::test_two": 2.0}
    costs.write_text(
        json.dumps({"tests": tests, "own_databases": 1, "idle_s": 3.4}),
    )
    ended = [Ended("check", 0, 60.4, 50.2, ""), Ended("tests 3.11", 1, 99.6, 150.3, "")]

    figures = budget.figures(ended, costs, wall_s=100.2)
    report = budget.report(figures, {"cpu_s": 180, "steps": {"check": [40, 50]}})

    assert figures["cpu_s"] == 200
    assert figures["files"] == {"tests/a.py": 3.2}
    assert [line.strip() for line in report.splitlines() if "load" not in line] == [
        "== The gate's budget: seconds now (last recorded)",
        "wall, of 900: 100 (–)",
        "CPU in all: 200 (180)",
        "check, CPU: 50 (40)",
        "check, wall: 60 (50)",
        "tests 3.11, CPU: 150 (–)",
        "tests 3.11, wall: 100 (–)",
        "idle time of the slowest worker: 3 (–)",
        "tests: 2 (–)",
        "tests with a database of their own: 1 (–)",
        "-- dearest files, CPU without the servers'",
        "tests/a.py: 3.2 (–)",
        "-- dearest tests, CPU without the servers'",
        "tests/a.py::test_two: 2.0 (–)",
        "tests/a.py::test_one[x]: 1.25 (–)",
    ]


def test_a_budget_without_any_costs_still_reports(tmp_path: Path):
    """As after tests that did not even start."""
    figures = budget.figures([], tmp_path / "costs.json", wall_s=1)

    assert (figures["tests"], figures["cpu_s"]) == (0, 0)
    assert "CPU in all: 0 (–)" in budget.report(figures, {})
