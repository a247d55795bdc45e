"""A pytest plugin: the dearest files begin, and `--costs FILE` records what tests cost.

A worker runs whole files: one that is left with a dear one at the end works alone.
"""

from __future__ import annotations

import json
import resource
import time
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.gate import budget

# A test that has a database of its own says so by this property.
OWN_DATABASE = "own database"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--costs", metavar="FILE", help="write what each test costs")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--costs"):
        config.pluginmanager.register(Costs(config.getoption("--costs")))


@pytest.hookimpl(trylast=True)  # After the cases are shuffled.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    dear = budget.recorded().get("files", {})
    items.sort(key=lambda item: -dear.get(item.nodeid.partition("::")[0], 0))


def cpu_s() -> float:
    """Return the CPU seconds of this process and its children that have ended."""
    spent = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in spent)


class Costs:
    """Measures in each worker; the controller adds up the reports and writes them.

    The servers' CPU is not in it: PostgreSQL and Valkey are nobody's test alone.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.measured_at = 0.0
        self.tests: defaultdict[str, float] = defaultdict(float)
        self.busy_s: defaultdict[str, float] = defaultdict(float)
        self.own_databases: set[str] = set()
        self.first_at = self.last_at = 0.0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, Any, Any]:
        self.measured_at = cpu_s()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, Any, Any]:
        report = yield
        # Attributes of plain types travel with the report from worker to controller.
        now = cpu_s()
        report.cpu_s = now - self.measured_at
        self.measured_at = now
        return report

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.tests[report.nodeid] += getattr(report, "cpu_s", 0)
        self.busy_s[getattr(report, "worker_id", "main")] += report.duration
        self.first_at = self.first_at or time.time() - report.duration
        self.last_at = time.time()
        if OWN_DATABASE in dict(report.user_properties):
            self.own_databases.add(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workerinput"):
            return
        wall_s = self.last_at - self.first_at
        found = {
            "tests": self.tests,
            "own_databases": len(self.own_databases),
            "idle_s": wall_s - min(self.busy_s.values(), default=wall_s),
        }
        self.path.write_text(json.dumps(found), encoding="utf-8")
