"""Readers of the log: each follows the sealed events by index, at a pace of its own.

By index and not by time, because an event is visible only once its transaction commits:
a reader by time would miss a late commit.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from audit.base.sessions import only_one
from audit.models import ReaderCursor
from audit.queries.tree import tree_size

BATCH = 10_000


def follow(reader: str, handle: Callable[[int, int], None], *, now: datetime) -> None:
    """Let a reader deal with all sealed events that it has not, in lots of BATCH.

    `handle(start, end)` deals with those of an index in [start, end), each at least
    once: the cursor moves afterwards, so it must do no harm when it gets one twice.
    What it raises is raised, and the lot comes again the next time. One worker at a
    time; another one has nothing to do. A reader that is new begins at index 0.
    """
    with only_one(f"audit_reader_{reader}") as is_mine:
        if is_mine:
            _follow(reader, handle, now)


def _follow(reader: str, handle: Callable[[int, int], None], now: datetime) -> None:
    with transaction.atomic(durable=True):
        cursor, _ = ReaderCursor.objects.get_or_create(
            name=reader, defaults={"read_at": now}
        )
    size, place = tree_size(), cursor.index
    while True:
        end = min(place + BATCH, size)
        if place < end:
            handle(place, end)
        with transaction.atomic(durable=True):
            has_moved = ReaderCursor.objects.filter(name=reader, index=place).update(
                index=end, read_at=now
            )
        if end == size or not has_moved:
            return
        place = end
