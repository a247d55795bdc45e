"""A pytest plugin: `--sample COMMIT` runs the part of the tests that it chooses.

The gate runs all tests on the oldest Python and such a part on each newer one:

- of each function without a database, and of those in WHOLE, the first case;
- of the other tests, one in eight, chosen by a hash of its id, the commit and the
  version of Python: each meets every version within some commits, and the same commit
  chooses the same tests again;
- nothing that needs a browser.

Properties take few examples: what differs between Pythons, any example shows.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator

import hypothesis
import pytest

ONE_IN = 8
WHOLE = ("tests/flows/", "tests/platform_site/")
DATABASES = {"db", "transactional_db", "database", "committed_db"}
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sample", metavar="COMMIT", help="run only the tests that COMMIT chooses"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--sample"):
        hypothesis.settings.load_profile("sample")


@pytest.hookimpl(tryfirst=True)  # Before the cases are shuffled.
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if commit := config.getoption("--sample"):
        kept = set(sample(items, commit, PYTHON))
        config.hook.pytest_deselected(items=[one for one in items if one not in kept])
        items[:] = [item for item in items if item in kept]


def sample(
    items: Iterable[pytest.Item], commit: str, python: str
) -> Iterator[pytest.Item]:
    """Yield the tests that a commit chooses for a version of Python."""
    seen: set[str] = set()
    for item in items:
        if item.get_closest_marker("browser") or item.get_closest_marker("stress"):
            continue
        function = item.nodeid.partition("[")[0]
        if needs_database(item) and not function.startswith(WHOLE):
            if is_chosen(item.nodeid, commit, python):
                yield item
        elif function not in seen:
            seen.add(function)
            yield item


def needs_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(fixtures & DATABASES or item.get_closest_marker("django_db"))


def is_chosen(test: str, commit: str, python: str) -> bool:
    """Return whether a commit chooses a test for a version: one in ONE_IN."""
    digest = hashlib.sha256(f"{test} {commit} {python}".encode()).digest()
    return digest[0] % ONE_IN == 0
