"""Ten thousand stored decisions come out the same, in the memory of a few.

REPLAY_ROWS makes it more or fewer.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from audit.base.processes import process_pool
from tests.transactions.varied import make_varied
from transactions.decisions.models import Decision
from transactions.evidence.queries.replays import replays

pytestmark = pytest.mark.stress

ROWS = int(os.environ.get("REPLAY_ROWS", "10000"))
FEW = 1_000


def replayed(limit: int | None) -> tuple[int, int, int]:
    """Replay; return how many came out the same, how many there were, and the peak."""
    results = [each.matches for each in replays(limit)]
    # Not ru_maxrss, which a process inherits from the one that started it.
    [peak] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return results.count(True), len(results), int(peak)


def replayed_apart(limit: int | None) -> tuple[int, int, int]:
    """Do so in a process of its own."""
    with process_pool(1) as pool:
        return pool.submit(replayed, limit).result()


@pytest.mark.usefixtures("committed_db")
def test_j16_ten_thousand_decisions_come_out_the_same(people, give_policy):
    make_varied(ROWS, people, give_policy)

    few = replayed_apart(FEW)
    all_of_them = replayed_apart(None)

    print(f"{few} {all_of_them}")  # noqa: T201 - figures.
    assert few[:2] == (FEW, FEW)
    assert all_of_them[:2] == (ROWS, ROWS) == (Decision.objects.count(),) * 2
    assert all_of_them[2] < few[2] + 16_384
