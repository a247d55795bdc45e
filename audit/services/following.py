"""Readers of the log: each follows the sealed events by index, at a pace of its own.

By index and not by time, for an event is there only once its transaction commits: who
reads by time misses what commits late.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from audit.models import AuditEvent, ReaderCursor
from audit.queries import sealed_events, tree_size

LOT = 10_000


def follow(
    reader: str, handle: Callable[[QuerySet[AuditEvent]], None], *, now: datetime
) -> None:
    """Hand a reader all sealed events that it has not dealt with, in lots of LOT.

    Each at least once: the cursor moves after a lot is dealt with, so that `handle`
    must do no harm when it gets an event twice. What it raises is raised, and the lot
    comes again the next time. Of several workers at once one moves on, the others stop.
    A reader that is new begins at the first event.
    """
    with transaction.atomic(durable=True):
        cursor, _ = ReaderCursor.objects.get_or_create(
            name=reader, defaults={"read_at": now}
        )
    size, place = tree_size(), cursor.index
    while True:
        end = min(place + LOT, size)
        if place < end:
            handle(sealed_events(place, end))
        with transaction.atomic(durable=True):
            has_moved = ReaderCursor.objects.filter(name=reader, index=place).update(
                index=end, read_at=now
            )
        if end == size or not has_moved:
            return
        place = end
