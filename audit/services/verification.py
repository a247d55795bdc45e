"""Verifying the log: events against leaves, leaves against checkpoints."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

from django.conf import settings
from django.db import DataError, transaction
from django.utils import timezone

from audit.base.context import Principal
from audit.base.processes import process_pool
from audit.base.sessions import no_statement_timeout
from audit.core.checkpoint import TreeHead
from audit.core.merkle import Frontier, Node
from audit.core.retention import is_explained
from audit.core.verification import BLOCK, Fault, TreeCheck, first_of, open_notes
from audit.errors import LogDamaged
from audit.keys import trusted_keys
from audit.models import AuditLeaf, AuditNode, Checkpoint
from audit.queries.reading import retirements
from audit.queries.sealed import broken_leaves, leaves, sealed_among, unsealed_events
from audit.queries.tree import frontier, tree_size
from audit.services.recording import Outcome, record
from audit.sinks import sinks

# A part for one process; a log of one part is not worth to start processes.
PART = 65_536
FINDINGS_MAX = 20
LEVEL_MAX = 62  # Beyond what any index reaches.
# How long the sequencer may take for what was committed just before.
GRACE_S = 10.0
# An incremental run looks for events out of place from so long before its start.
LOOK_BACK = timedelta(days=1)
EVER = datetime(1, 1, 2, tzinfo=UTC)

Progress = Callable[[int], object]


def _ignore(count: int) -> None: ...


@dataclass(frozen=True)
class Verification:
    """What came of it. `since` is the size from which on events were looked at."""

    since: int
    size: int
    checkpoints: int
    seconds: float
    findings: list[Fault]
    clock_jumps: list[int] = field(default_factory=list)
    newest_note: str = ""

    @property
    def first(self) -> Fault | None:
        return first_of(self.findings)

    @property
    def is_good(self) -> bool:
        return not self.findings


@no_statement_timeout()
def verify_log(
    *,
    since: TreeHead | None = None,
    jobs: int = 1,
    grace_s: float = GRACE_S,
    progress: Progress = _ignore,
) -> Verification:
    """Check the whole log, or what came after a checkpoint that was good before.

    Every event must be as it was sealed, every event must be sealed, the tree must have
    the root of every checkpoint, here and outside, and no checkpoint may be missing,
    forged, or state a longer log. `progress` is called with the rows that are done.
    """
    began = time.monotonic()
    try:
        return _verify(began, since, jobs, grace_s, progress)
    except DataError as error:
        # Only an owner of the tables can store a time that no machine has written.
        return Verification(
            since=since.size if since else 0,
            size=tree_size(),
            checkpoints=0,
            seconds=time.monotonic() - began,
            findings=[Fault("value_unreadable", f"A value cannot be read: {error}.")],
        )


def _verify(
    began: float, since: TreeHead | None, jobs: int, grace_s: float, progress: Progress
) -> Verification:
    size = tree_size()
    notes, heads, findings = _checkpoints()
    start, more = _start(since)
    findings += more
    # Fewer leaves than the last index says is a gap, which the tree shows.
    end = min(size, AuditLeaf.objects.count())
    check = TreeCheck(heads, start)
    with _event_checks(start.size, end, jobs) as parts:
        for rows in leaves(start.size):
            _add(check, rows)
            if check.is_broken:
                break
        check.finish()
        for count, found in parts:
            findings += found[: max(0, FINDINGS_MAX - len(findings))]
            progress(count)
    findings += check.findings
    if not check.is_broken:
        findings += _node_findings(check, start.size)
    findings += _unsealed(_earliest(since, heads.values()), grace_s)
    return Verification(
        since=start.size,
        size=size,
        checkpoints=len(heads),
        seconds=time.monotonic() - began,
        findings=findings,
        clock_jumps=check.clock_jumps,
        newest_note=notes[max(heads)] if heads else "",
    )


def record_verification(
    result: Verification, *, actor: Principal | None = None
) -> None:
    """Write down that the log was verified, and what came of it. 1 INSERT."""
    first = result.first
    with transaction.atomic(durable=True):
        record(
            "audit.verified",
            outcome=Outcome.SUCCESS if result.is_good else Outcome.FAILURE,
            details={
                "since": result.since,
                "size": result.size,
                "checkpoints": result.checkpoints,
                "milliseconds": round(result.seconds * 1000),
                "findings": len(result.findings),
                "first": str(first) if first else "",
                "clock_jumps": len(result.clock_jumps),
            },
            actor=actor,
        )


def ask_for_verification(*, acting: Principal) -> None:
    """Leave word that the log is to be verified; a job looks for it. 1 INSERT."""
    with transaction.atomic(durable=True):
        record("audit.verification_asked", actor=acting)


def _checkpoints() -> tuple[dict[int, str], dict[int, TreeHead], list[Fault]]:
    """Return all checkpoints by number, here and outside, and what is wrong."""
    rows = {row.number: row for row in Checkpoint.objects.all()}
    inside = {number: row.note for number, row in rows.items()}
    notes = dict(inside)
    heads, findings = _opened(inside, "in the database")
    for number, head in heads.items():
        row = rows[number]
        stored = (row.size, bytes(row.root), row.time)
        if stored != (head.size, head.root, head.time):
            detail = f"Checkpoint {number} in the database says other than its note."
            findings.append(Fault("checkpoint_changed", detail))
    for sink in sinks():
        where = f"in {type(sink).__name__}"
        try:
            outside = dict(sink.read())
        except OSError as error:
            findings.append(Fault("sink_unreadable", f"{type(sink).__name__}: {error}"))
            continue
        found, more = _opened(outside, where)
        findings += more + _differences(inside, outside, where)
        notes |= outside
        heads |= found
    return notes, heads, findings


def _opened(
    notes: Mapping[int, str], where: str
) -> tuple[dict[int, TreeHead], list[Fault]]:
    return open_notes(
        notes, origin=settings.AUDIT_ORIGIN, keys=trusted_keys(), where=where
    )


def _differences(
    inside: Mapping[int, str], outside: Mapping[int, str], where: str
) -> list[Fault]:
    """Compare both by number; the newest may not have come outside yet."""
    findings = []
    for number in sorted(inside.keys() | outside.keys()):
        if number not in inside:
            detail = f"Checkpoint {number} {where} is not in the database."
            findings.append(Fault("checkpoint_missing", detail))
        elif number in outside and inside[number] != outside[number]:
            detail = f"Checkpoint {number} {where} is not the one in the database."
            findings.append(Fault("checkpoint_differs", detail))
    return findings


def _start(since: TreeHead | None) -> tuple[Frontier, list[Fault]]:
    """Return the tree to go on from; its stored hashes count if the root is signed."""
    if since is None or since.size == 0:
        return Frontier(), []
    try:
        start = frontier(since.size)
    except LogDamaged:
        start = None
    if start is None or start.root() != since.root:
        detail = f"The first {since.size} events do not have the root that was signed."
        return Frontier(), [Fault("root_differs", detail, since.size - 1)]
    return start, []


@contextlib.contextmanager
def _event_checks(
    start: int, end: int, jobs: int
) -> Iterator[Iterator[tuple[int, list[Fault]]]]:
    """Check the events of [start, end) in parts; gives (count, findings) of each.

    By processes that begin at once, where there is more than one part.
    """
    parts = [(first, min(first + PART, end)) for first in range(start, end, PART)]
    counts = [last - first for first, last in parts]
    if jobs == 1 or len(parts) <= 1:
        yield zip(counts, map(_check_events, parts), strict=True)
        return
    with process_pool(jobs) as pool:
        yield zip(counts, pool.map(_check_events, parts), strict=True)


def _check_events(part: tuple[int, int]) -> list[Fault]:
    """Return what is wrong with the events of the leaves of [start, end)."""
    gone = retirements()
    unexplained = (
        broken
        for broken in broken_leaves(*part)
        if broken.is_there or not is_explained(broken.occurred_at, gone)
    )
    return [
        Fault(
            "event_changed" if broken.is_there else "event_missing",
            f"Event {broken.event_id} is "
            f"{'not as it was sealed' if broken.is_there else 'gone'}.",
            broken.index,
        )
        for broken in islice(unexplained, FINDINGS_MAX)
    ]


def _add(check: TreeCheck, rows: list[tuple[int, datetime, bytes]]) -> None:
    for first in range(0, len(rows), BLOCK):
        block = rows[first : first + BLOCK]
        indexes, times, hashes = zip(*block, strict=True)
        if indexes == tuple(range(indexes[0], indexes[0] + len(indexes))):
            check.add_block(indexes[0], hashes, times)
        else:
            for index, occurred_at, hashed in block:
                check.add(index, hashed, occurred_at)


def _node_findings(check: TreeCheck, since: int) -> list[Fault]:
    """Compare the stored nodes with those of the tree that was grown."""
    stored = {
        Node(level, number): bytes(hashed)
        for level, number, hashed in AuditNode.objects.values_list(
            "level", "number", "hash"
        )
    }
    looked_at = range(since + 1, check.tree.size + 1)
    beyond = tree_size()
    findings = []
    for node in sorted(stored.keys() | check.nodes.keys()):
        end = (node.number + 1) << min(node.level, LEVEL_MAX)
        is_wrong = stored.get(node) != check.nodes.get(node) and end in looked_at
        if is_wrong or end > beyond:
            detail = (
                f"Stored hash {node.number} of level {node.level} is not the tree's."
            )
            place = min(end, check.tree.size) - 1
            findings.append(Fault("node_changed", detail, place))
    return findings[:FINDINGS_MAX]


def _earliest(since: TreeHead | None, heads: Iterable[TreeHead]) -> datetime:
    """Return from when on events may be out of place.

    A later checkpoint of an earlier time shows that a clock was ahead.
    """
    if since is None:
        return EVER
    later = (head.time for head in heads if head.size >= since.size)
    return min(since.time, timezone.now(), *later) - LOOK_BACK


def _unsealed(earliest: datetime, grace_s: float) -> list[Fault]:
    """Find events without a leaf that stay so: put in by hand, or nobody seals."""
    deadline = time.monotonic() + grace_s
    waiting = unsealed_events(earliest, FINDINGS_MAX)
    while waiting and time.monotonic() < deadline:
        time.sleep(0.25)
        waiting -= sealed_among(waiting)
    return [
        Fault("event_unsealed", f"Event {event_id} is in no leaf of its own.")
        for event_id, _ in sorted(waiting)
    ]
