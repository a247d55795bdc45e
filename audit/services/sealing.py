"""The sequencer: gives every event its place in the log and seals it there.

Outside of every request: an event that is committed is sealed within a second, and
until then it is protected as every row is, by triggers and rights.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from audit.core.checkpoint import TreeHead, is_due
from audit.core.merkle import Node
from audit.keys import signing_key
from audit.models import AuditNode, Checkpoint
from audit.queries.sealed import SELECTED, hash_of_row
from audit.queries.tree import (
    LEVELS_PER_TILE,
    frontier,
    newest_checkpoint,
    root_at,
    tree_size,
)
from audit.sinks import SinkRefused, sinks

logger = logging.getLogger(__name__)

BATCH = 10_000
LOCK = "audit_sequencer"
# A leaf says that an event is sealed, nothing else does: none is missed, in whatever
# order transactions commit. Transaction ids only spare us to look at the older ones.
UNSEALED = f"""
SELECT {SELECTED} FROM audit_auditevent e
WHERE {{recent}}
NOT EXISTS (SELECT FROM audit_auditleaf l WHERE l.event_id = e.id)
ORDER BY e.occurred_at, e.id
LIMIT {BATCH}
"""  # noqa: S608 - Names of columns.
EVERYTHING = UNSEALED.format(recent="")
# Ids from the future are of a restored dump; the first sweep has sealed those.
RECENT = UNSEALED.format(
    recent="e.xact_id >= %s::xid8 AND"
    " e.xact_id < pg_snapshot_xmax(pg_current_snapshot()) AND"
)

Row = tuple[Any, ...]


@dataclass
class Sequencer:
    """Seals what is committed. Any number may run; one at a time does the work.

    `settled` is the transaction id below which all is known to be sealed. It is this
    process's own memory: a new one looks at the whole log once.
    """

    settled: str | None = None

    def seal(self) -> int:
        """Seal up to BATCH events in one transaction; return how many.

        0 also while another sequencer is at work. Raises LogDamaged when the tree
        lacks a hash, DatabaseError.
        """
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            if not _is_at_work(cursor):
                return 0
            # Older than the snapshot of the next statement, which sees all below.
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
            [horizon] = cursor.fetchone()
            if self.settled is None:
                cursor.execute(EVERYTHING)
            else:
                cursor.execute(RECENT, [self.settled])
            rows = cursor.fetchall()
            if rows:
                _append(cursor, rows)
        if len(rows) < BATCH:
            self.settled = horizon
        return len(rows)


def make_checkpoint_if_due() -> Checkpoint | None:
    """Sign the log as it is, if it is time; None if not, or if another is at work."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        if not _is_at_work(cursor):
            return None
        last, size = newest_checkpoint(), tree_size()
        if last is None:
            return _sign(1, size)
        is_wanted = is_due(
            grown=size - last.size,
            age=timezone.now() - last.time,
            every_events=settings.AUDIT_CHECKPOINT_EVENTS,
        )
        return _sign(last.number + 1, size) if is_wanted else None


def deliver_checkpoints() -> bool:
    """Write to each sink the checkpoints that it lacks; return whether all have all.

    A sink that fails is logged and tried again the next time; the others go on.
    """
    has_all = True
    for sink in sinks():
        try:
            newest = sink.newest()
            for checkpoint in Checkpoint.objects.filter(number__gt=newest)[::-1]:
                sink.write(checkpoint.number, checkpoint.note)
        except (OSError, SinkRefused):
            logger.exception("%s did not take a checkpoint", type(sink).__name__)
            has_all = False
    return has_all


def _is_at_work(cursor: Any) -> bool:
    """Take the one sequencer's place for this transaction, if it is free.

    In a statement of its own: the next one sees all that the last holder committed.
    """
    cursor.execute("SET LOCAL statement_timeout = 0")
    cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [LOCK])
    is_free: bool = cursor.fetchone()[0]
    return is_free


def _append(cursor: Any, rows: list[Row]) -> None:
    first = tree_size()
    tree = frontier(first)
    nodes: list[tuple[Node, bytes]] = []
    with cursor.copy(
        "COPY audit_auditleaf (index, event_id, occurred_at, hash) FROM STDIN"
    ) as leaves:
        for index, row in enumerate(rows, start=first):
            hashed = hash_of_row(row)
            leaves.write_row((index, row[0], row[1], hashed))
            nodes += tree.append(hashed)
    AuditNode.objects.bulk_create(
        AuditNode(level=node.level, number=node.number, hash=hashed)
        for node, hashed in nodes
        if node.level % LEVELS_PER_TILE == 0
    )


def _sign(number: int, size: int) -> Checkpoint:
    root, time = root_at(size), timezone.now().replace(microsecond=0)
    note = signing_key().sign(TreeHead(settings.AUDIT_ORIGIN, size, root, time))
    checkpoint = Checkpoint(number=number, size=size, root=root, time=time, note=note)
    checkpoint.save(force_insert=True)
    return checkpoint
