"""An export takes the same memory however long the log is.

EXPORT_ROWS makes the log longer; 10,000,000 take some 25 GB of disk and an hour.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from audit.base.processes import process_pool
from audit.models import AuditEvent
from audit.services.exports import PROOF, export_events, export_proof
from audit.services.sealing import Sequencer
from tests.audit.logs import seal, write_event

pytestmark = pytest.mark.stress

ROWS = int(os.environ.get("EXPORT_ROWS", "1000000"))
FEW = 10_000
BATCH = 100_000
COPIES = """
INSERT INTO audit_auditevent (id, occurred_at, action, outcome, actor_kind, actor_id,
    actor_label, owner_id, target_kind, target_id, target_label, address, user_agent,
    request_id, details)
SELECT 'evt_' || lpad(n::text, 26, '0'), %s + n * interval '1 microsecond', e.action,
    e.outcome, e.actor_kind, e.actor_id, e.actor_label, e.owner_id, e.target_kind,
    e.target_id, e.target_label, e.address, e.user_agent, e.request_id, e.details
FROM generate_series(%s, %s) n, (SELECT * FROM audit_auditevent LIMIT 1) e
"""


def peak_kib(form: str) -> tuple[int, int]:
    """Export everything; return the lines and the most memory this process had."""
    if form == PROOF:
        lines = export_proof()
    else:
        lines = export_events(AuditEvent.objects.all(), form)
    count = sum(1 for _ in lines)
    # Not ru_maxrss, which a process inherits from the one that started it.
    [peak] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return count, int(peak)


def export(form: str) -> tuple[int, int]:
    """Do so in a process of its own."""
    with process_pool(1) as pool:
        return pool.submit(peak_kib, form).result()


def write_to(count: int, sequencer: Sequencer) -> None:
    start = timezone.now() - timedelta(days=1)
    for first in range(AuditEvent.objects.count(), count, BATCH):
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute(COPIES, [start, first + 1, min(first + BATCH, count)])
        seal(sequencer)


@pytest.mark.usefixtures("committed_db")
def test_memory_is_the_same_for_few_events_and_for_many():
    sequencer = Sequencer()
    write_event()
    write_to(FEW, sequencer)
    few = {form: export(form) for form in ("jsonl", PROOF)}

    write_to(ROWS, sequencer)

    for form, (count, peak) in few.items():
        more, most = export(form)
        print(f"{form}: {count:,} {peak:,} KiB; {more:,} {most:,} KiB")  # noqa: T201 - figures.
        assert (count, more) == (FEW, ROWS)
        assert most < peak + 16_384
