"""Reading the log as verification does: all of it, in order, and fast."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
from django.db import connection
from psycopg import Cursor
from psycopg.pq import Format
from psycopg.types.json import set_json_loads

from audit.core.event import COLUMNS, event_hash, event_object
from audit.models import AuditLeaf

CHUNK = 10_000
FOR_EVER = datetime.max.replace(tzinfo=UTC)
AS_WE_SPELL = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z
SELECTED = ", ".join(
    "host(e.address)" if column == "address" else f"e.{column}" for column in COLUMNS
)
REST = SELECTED.removeprefix("e.id, e.occurred_at, ")
# The bounds only help to find the rows; a row counts if its id and time are the leaf's.
SEALED = f"""
WITH leaf AS (SELECT * FROM audit_auditleaf WHERE index >= %s AND index < %s)
SELECT l.index, l.hash, l.event_id, l.occurred_at, {REST}
FROM leaf l LEFT JOIN audit_auditevent e
    ON e.id = l.event_id AND e.occurred_at = l.occurred_at
    AND e.occurred_at >= (SELECT min(occurred_at) FROM leaf)
    AND e.occurred_at <= (SELECT max(occurred_at) FROM leaf)
ORDER BY l.index
"""  # noqa: S608 - Names of columns.
EXACTLY = (
    f"SELECT {SELECTED} FROM audit_auditevent e WHERE id = %s AND occurred_at = %s"  # noqa: S608 - As above.
)
UNSEALED = """
SELECT e.id, e.occurred_at FROM audit_auditevent e
WHERE e.occurred_at >= %s AND e.occurred_at < %s AND NOT EXISTS (
    SELECT FROM audit_auditleaf l
    WHERE l.event_id = e.id AND l.occurred_at = e.occurred_at
) LIMIT %s
"""


PARTITIONS = r"""
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'audit_auditevent'::regclass
    AND c.relname ~ '^audit_auditevent_\d{4}_\d{2}$'
ORDER BY c.relname
"""

Place = tuple[str, datetime]


@dataclass(frozen=True, slots=True)
class Broken:
    """A leaf whose event is not there, or is not what was sealed."""

    index: int
    event_id: str
    occurred_at: datetime
    is_there: bool


def broken_leaves(start: int, end: int) -> Iterator[Broken]:
    """Hold the events of the leaves [start, end) against them; yield what is wrong.

    One query per CHUNK of events.
    """
    for first in range(start, end, CHUNK):
        with _quick_cursor() as cursor:
            cursor.execute(SEALED, [first, min(first + CHUNK, end)])
            rows = cursor.fetchall()
        for index, leaf, *row in rows:
            event_id, occurred_at, action = row[:3]
            if action is None:
                yield Broken(index, event_id, occurred_at, is_there=False)
            elif _quick_hash(row) != leaf and _exact_hash(row) != leaf:
                yield Broken(index, event_id, occurred_at, is_there=True)


def leaves(start: int) -> Iterator[list[tuple[int, datetime, bytes]]]:
    """Yield (index, time, hash) of all leaves from an index on, in lists of a CHUNK."""
    while True:
        with _quick_cursor() as cursor:
            cursor.execute(
                "SELECT index, occurred_at, hash FROM audit_auditleaf"
                " WHERE index >= %s ORDER BY index LIMIT %s",
                [start, CHUNK],
            )
            rows = cursor.fetchall()
        if not rows:
            return
        yield rows
        start = rows[-1][0] + 1


def unsealed_events(
    start: datetime, limit: int, *, end: datetime = FOR_EVER
) -> set[Place]:
    """Return (id, time) of events of [start, end) without a leaf. 1 query."""
    with connection.cursor() as cursor:
        cursor.execute(UNSEALED, [start, end, limit])
        return set(cursor.fetchall())


def monthly_partitions() -> list[str]:
    """Return the names of the log's monthly partitions, oldest first. 1 query."""
    with connection.cursor() as cursor:
        cursor.execute(PARTITIONS)
        return [name for [name] in cursor.fetchall()]


def sealed_among(places: Collection[Place]) -> set[Place]:
    """Return those of some events that have a leaf by now. 1 query."""
    found = AuditLeaf.objects.filter(event_id__in=[event_id for event_id, _ in places])
    return set(found.values_list("event_id", "occurred_at"))


def hash_of_row(row: Any) -> bytes:
    """Return the leaf of an event as Django's connection hands out its columns."""
    *columns, details = row
    return event_hash([*columns, json.loads(details)])


def _quick_cursor() -> Any:
    """Return a cursor that reads in the database's own format, JSON by orjson."""
    connection.ensure_connection()
    cursor = Cursor(connection.connection)
    cursor.format = Format.BINARY
    set_json_loads(orjson.loads, cursor)
    return cursor


def _quick_hash(row: list[Any]) -> bytes:
    """Return the leaf of an event's columns, unless its JSON is out of the ordinary.

    orjson spells some numbers and sorts some keys otherwise than RFC 8785 wants it.
    Then this is another hash, never the right one for other data.
    """
    spelled = orjson.dumps(event_object(row), option=AS_WE_SPELL)
    return sha256(b"\x00" + spelled).digest()


def _exact_hash(quick_row: list[Any]) -> bytes | None:
    with connection.cursor() as cursor:
        cursor.execute(EXACTLY, quick_row[:2])
        row = cursor.fetchone()
    return None if row is None else hash_of_row(row)
