"""`python -m platform_site.run.engines exec -- python -m benchmarks.audit_log`.

How much the audit log slows a decision, how soon events are sealed, how fast the log
verifies, and how these times grow with its length.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from unittest import mock

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "platform_site.settings")
os.environ.setdefault("STATEMENT_TIMEOUT_S", "0")
os.environ["AUDIT_CHECKPOINT_DIR"] = tempfile.mkdtemp(prefix="bench-checkpoints-")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from audit.base import batch  # noqa: E402
from audit.keys import open_checkpoint  # noqa: E402
from audit.models import AuditEvent, AuditLeaf  # noqa: E402
from audit.queries.tree import inclusion_proof, tree_size  # noqa: E402
from audit.services.sealing import (  # noqa: E402
    Sequencer,
    make_checkpoint_if_due,
)
from audit.services.verification import verify_log  # noqa: E402
from platform_site.run.supervisor import BASE_DIR  # noqa: E402
from tests.factories import make_agent  # noqa: E402
from tests.people import make_people  # noqa: E402
from tests.spending import spend  # noqa: E402

ROUNDS, DECISIONS = 9, 60
SIZES = (10_000, 100_000, 1_000_000)
POLL_S = 0.01
COPIES = """
INSERT INTO audit_auditevent (id, occurred_at, action, outcome, actor_kind, actor_id,
    actor_label, owner_id, target_kind, target_id, target_label, address, user_agent,
    request_id, details)
SELECT 'evt_' || lpad(n::text, 26, '0'),
    now() - interval '1 day' + n * interval '50 ms',
    e.action, e.outcome, e.actor_kind, e.actor_id, e.actor_label, e.owner_id,
    e.target_kind, e.target_id, e.target_label, e.address, e.user_agent, e.request_id,
    e.details || jsonb_build_object('n', n)
FROM generate_series(%s, %s) n, LATERAL (
    SELECT * FROM audit_auditevent WHERE action = 'transaction.decided' LIMIT 1
) e
"""


def main() -> None:
    """Migrate the throw-away database, measure, and print the results."""
    call_command("migrate", verbosity=0)
    people = make_people()
    agent = make_agent(people.carol, acting=people.alice, mode="test")
    for _ in range(20):
        spend(agent)
    with running_sequencer(), delays() as seen:
        ratio(agent)
    show_delays(seen)
    show(
        f"{'events':>10}{'seal/s':>10}{'idle ms':>10}{'one event ms':>14}"
        f"{'proof ms':>10}{'verify/s':>11}{'incremental ms':>16}"
    )
    for size in SIZES:
        grow(size)


def ratio(agent: Any) -> None:
    """Decide with and without the rows of the log, in alternation."""
    rates: dict[str, list[float]] = {"with": [], "without": []}
    for number in range(ROUNDS):
        sides = ["with", "without"] if number % 2 else ["without", "with"]
        for side in sides:
            with without_the_log() if side == "without" else contextlib.nullcontext():
                rates[side].append(DECISIONS / timed(lambda: decide(agent)))
    ratios = [a / b for a, b in zip(rates["with"], rates["without"], strict=True)]
    for side, values in rates.items():
        show(f"decisions/s {side:<8} the log {spread(values, '.0f')}")
    show(f"ratio                        {spread(ratios, '.2f')}")


def decide(agent: Any) -> None:
    for _ in range(DECISIONS):
        spend(agent)


@contextlib.contextmanager
def without_the_log() -> Iterator[None]:
    """Let decisions write all their rows except those of the log."""
    compile_insert = batch.write_together

    def write(*inserts: batch.Insert) -> None:
        kept = [
            each
            for each in inserts
            if each.rows and not isinstance(each.rows[0], AuditEvent)
        ]
        compile_insert(*kept)

    with contextlib.ExitStack() as stack:
        for module in list(sys.modules.values()):
            if getattr(module, "write_together", None) is compile_insert:
                stack.enter_context(mock.patch.object(module, "write_together", write))
        yield


@contextlib.contextmanager
def running_sequencer() -> Iterator[None]:
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, str(BASE_DIR / "manage.py"), "run_sequencer"]
    )
    try:
        while not tree_size():
            time.sleep(0.1)
        yield
        time.sleep(2)
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def delays() -> Iterator[list[tuple[int, datetime]]]:
    """Record every 10 ms how many events are sealed."""
    seen: list[tuple[int, datetime]] = []
    stopping = threading.Event()

    def watch() -> None:
        while not stopping.wait(POLL_S):
            seen.append((tree_size(), timezone.now()))
        connection.close()

    thread = threading.Thread(target=watch)
    thread.start()
    yield seen
    time.sleep(2)
    stopping.set()
    thread.join()


def show_delays(seen: list[tuple[int, datetime]]) -> None:
    """Print how long events waited from their time until their leaf was seen."""
    waits = []
    leaves = AuditLeaf.objects.filter(index__gte=seen[0][0]).order_by("index")
    samples = iter(seen)
    size, when = next(samples)
    for leaf in leaves:
        while size <= leaf.index:
            size, when = next(samples)
        waits.append((when - leaf.occurred_at).total_seconds() * 1000)
    cuts = statistics.quantiles(waits, n=100)
    show(
        f"sealing delay of {len(waits)} events: p50 {cuts[49]:.0f} ms,"
        f" p99 {cuts[98]:.0f} ms, most {max(waits):.0f} ms\n"
    )


def grow(size: int) -> None:
    """Extend the log to a size, and time the operations that may get slower."""
    missing = size - AuditEvent.objects.count()
    with connection.cursor() as cursor:
        cursor.execute(COPIES, [size - missing + 1, size])
        cursor.execute("ANALYZE")
    sequencer = Sequencer()
    sealing = timed(lambda: seal(sequencer))
    idle = statistics.median(timed(sequencer.seal) for _ in range(15))
    one = statistics.median(timed(lambda: seal_one(sequencer)) for _ in range(15))
    make_checkpoint_if_due()
    proof = statistics.median(
        timed(lambda: inclusion_proof(size // 3, tree_size())) for _ in range(15)
    )
    results = [verify_log(jobs=os.cpu_count() or 1, grace_s=0) for _ in range(3)]
    good = {result.is_good for result in results}
    if good != {True}:
        sys.exit(f"The log does not verify: {results[0].first}")
    speed = statistics.median(result.size / result.seconds for result in results)
    note = results[0].newest_note
    incremental = timed(lambda: verify_log(since=open_checkpoint(note), grace_s=0))
    show(
        f"{size:>10,}{missing / sealing:>10,.0f}{idle * 1e3:>10.1f}{one * 1e3:>14.1f}"
        f"{proof * 1e3:>10.1f}{speed:>11,.0f}{incremental * 1e3:>16.0f}"
    )


def seal(sequencer: Sequencer) -> None:
    while sequencer.seal():
        pass


def seal_one(sequencer: Sequencer) -> None:
    event = AuditEvent.objects.order_by("-occurred_at").first()
    assert event is not None  # noqa: S101 - there are thousands.
    event.pk = AuditEvent().pk
    event.occurred_at = timezone.now()
    event.save(force_insert=True)
    sequencer.seal()


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def spread(values: list[float], form: str) -> str:
    return (
        f"{statistics.median(values):{form}}"
        f" ({min(values):{form}} to {max(values):{form}})"
    )


def show(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
