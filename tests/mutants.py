"""Mutants of the pure rules: how tests run against them, and which may survive.

As a pytest plugin it gives each mutant the same few examples, and nothing to connect
to. As a command, after `mutmut run`, it prints the score per file and fails on a
survivor that docs/mutants.md does not explain, and on an explained one that was killed:
`python -m tests.mutants [PATTERN ...]`.
"""

from __future__ import annotations

import fnmatch
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

from tests.engines import KEYS
from tests.house.source import ROOT

hypothesis.settings.register_profile(
    "mutants",
    max_examples=25,
    derandomize=True,
    deadline=None,
    database=None,
    # The first failure will do; to shrink it can take minutes.
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
)

# A heading names the function, and each block below it one change of its lines.
BLOCK = re.compile(
    r"^#### `(?P<function>[^`\n]+)`$|^```diff\n(?P<diff>.+?)^```$", re.M | re.S
)

Change = tuple[str, tuple[str, ...]]


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Set what the settings ask for; nothing answers at these addresses."""
    os.environ |= KEYS | {
        "ENVIRONMENT": "test",
        "DATABASE_URL": "postgresql://nobody@localhost:1/none",
        "REDIS_URL": "redis://localhost:1/0",
    }


def pytest_configure() -> None:
    """Let the fixture that empties the cache find one."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    }


def main(patterns: list[str]) -> int:
    """Write a row per file, then what is wrong with which mutant; return an exit code.

    An explained one that is killed was explained wrongly, or the run was broken.
    """
    known, wrong = set(explained()), list[str]()
    functions = {function for function, _ in known}
    rows = ["| file | mutants | killed | explained |", "|---|---|---|---|"]
    for path in sorted(walk_mutatable_files()):
        counts: Counter[str] = Counter()
        for name, status in statuses(path):
            if patterns and not any(fnmatch.fnmatch(name, each) for each in patterns):
                continue
            is_candidate = status != "killed" or function_of(name) in functions
            diff = get_diff_for_mutant(name, path=path) if is_candidate else ""
            is_known = (function_of(name), changed_lines(diff)) in known
            is_fine = status == ("survived" if is_known else "killed")
            counts["explained" if is_fine and is_known else status] += 1
            if not is_fine:
                wrong.append(
                    f"{name}: {'explained, yet ' * is_known}{status}\n{diff}\n"
                )
        if total := counts.total():
            killed, reasons = counts["killed"], counts["explained"]
            rows.append(f"| `{path}` | {total} | {killed} | {reasons} |")
    sys.stdout.write("\n".join([*rows, "", *wrong]))
    return bool(wrong)


def statuses(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each mutant of a file and what became of it, as mutmut noted it."""
    data = SourceFileMutationData(path=path)
    data.load()
    for name, code in data.exit_code_by_key.items():
        status = status_by_exit_code[code]
        # A mutant that never ends, or ends its process, is noticed as well.
        yield name, "killed" if status in ("timeout", "segfault") else status


def explained() -> Iterator[Change]:
    """Yield the changes that docs/mutants.md gives a reason for."""
    function = ""
    for block in BLOCK.finditer((ROOT / "docs" / "mutants.md").read_text()):
        function = block["function"] or function
        if block["diff"]:
            yield function, changed_lines(block["diff"])


def function_of(mutant: str) -> str:
    """Return the function of a mutant, as module.name or module.Class.name."""
    return re.sub(r"\.xǁ|\.x_|ǁ", ".", mutant.rpartition("__mutmut_")[0])


def changed_lines(diff: str) -> tuple[str, ...]:
    """Return the lines that came and went, whatever their indentation."""
    lines = (line for line in diff.splitlines() if re.match(r"[-+](?![-+]{2} )", line))
    return tuple(f"{line[0]} {line[1:].strip()}" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
