"""Reading the log as verification does: all of it, in order, and fast."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from operator import attrgetter
from typing import Any

import orjson
from django.db import connection
from psycopg import Cursor
from psycopg.pq import Format

from audit.core.event import COLUMNS, event_hash
from audit.models import AuditLeaf

CHUNK = 10_000
NULL = b"\\N"
FOR_EVER = datetime.max.replace(tzinfo=UTC)
SELECTED = ", ".join(
    "host(e.address)" if column == "address" else f"e.{column}" for column in COLUMNS
)

# What the canonical JSON of an event is before its details, they, and what is after.
SPELLED = """
'{"action":"' || e.action || '","actor":{"id":"' || e.actor_id
    || '","kind":"' || e.actor_kind || '","label":"' || e.actor_label
    || '"},"address":' || coalesce('"' || host(e.address) || '"', 'null')
    || ',"details":',
e.details,
',"id":"' || e.id || '","object":"audit_event","occurred_at":"'
    || to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || '","outcome":"' || e.outcome || '","owner":"' || e.owner_id
    || '","request_id":"' || e.request_id || '","target":{"id":"' || e.target_id
    || '","kind":"' || e.target_kind || '","label":"' || e.target_label
    || '"},"user_agent":"' || e.user_agent || '"'
    || coalesce(',"xact_id":"' || e.xact_id || '"', '') || '}'
"""
# The bounds only help to find the rows; a row counts if its id and time are the leaf's.
COPIED = f"""
COPY (
    WITH leaf AS (
        SELECT * FROM audit_auditleaf WHERE index >= %s AND index < %s
    )
    SELECT l.index, encode(l.hash, 'hex'), {SPELLED}
    FROM leaf l LEFT JOIN audit_auditevent e
        ON e.id = l.event_id AND e.occurred_at = l.occurred_at
        AND e.occurred_at >= (SELECT min(occurred_at) FROM leaf)
        AND e.occurred_at <= (SELECT max(occurred_at) FROM leaf)
) TO STDOUT
"""  # noqa: S608 - Names of columns.
EXACTLY = f"""
SELECT l.index, l.hash, l.event_id, l.occurred_at, {SELECTED}
FROM audit_auditleaf l JOIN audit_auditevent e
    ON e.id = l.event_id AND e.occurred_at = l.occurred_at
WHERE l.index = ANY(%s)
"""  # noqa: S608 - As above.
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

    One to three queries per CHUNK of events.
    """
    for first in range(start, end, CHUNK):
        odd, gone = _odd_leaves(first, min(first + CHUNK, end))
        broken = [*_missing(gone), *_changed(odd)]
        yield from sorted(broken, key=attrgetter("index"))


def leaves(start: int) -> Iterator[list[tuple[int, datetime, bytes]]]:
    """Yield (index, time, hash) of all leaves from an index on, in lists of a CHUNK."""
    while True:
        connection.ensure_connection()
        with (
            connection.wrap_database_errors,
            Cursor(connection.connection) as cursor,
        ):
            # To read times from text is ten times as slow.
            cursor.format = Format.BINARY
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


def _odd_leaves(start: int, end: int) -> tuple[list[int], list[int]]:
    """Return the leaves that their events, spelled fast, are not the hash of.

    By their indexes, and those without an event separately. Fast, because the database
    spells all but the details, and COPY escapes what JSON does: backslash, newline, tab
    and the like to the same, which is right; a quote and other control characters not
    at all, which is not JSON and never what was sealed. orjson orders some keys and
    spells some numbers otherwise than RFC 8785. So an odd leaf may be whole; one that
    is not odd is.
    """
    odd: list[int] = []
    gone: list[int] = []
    with connection.cursor() as cursor, cursor.copy(COPIED, [start, end]) as copy:
        for line in copy:
            index, leaf, before, details, after = bytes(line)[:-1].split(b"\t")
            details = _sorted_json(details.replace(b"\\\\", b"\\"))
            spelled = b"".join((b"\x00", before, details, after))
            if sha256(spelled).hexdigest().encode() != leaf:
                (gone if before == NULL else odd).append(int(index))
    return odd, gone


def _sorted_json(text: bytes) -> bytes:
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, TypeError):  # No value, or nested too deep.
        return b""


def _missing(indexes: list[int]) -> list[Broken]:
    """Return leaves without an event as broken."""
    leaves = AuditLeaf.objects.filter(index__in=indexes) if indexes else ()
    return [
        Broken(leaf.index, leaf.event_id, leaf.occurred_at, is_there=False)
        for leaf in leaves
    ]


def _changed(indexes: list[int]) -> list[Broken]:
    """Return those of some leaves that their events are really not the hash of."""
    if not indexes:
        return []
    with connection.cursor() as cursor:
        cursor.execute(EXACTLY, [indexes])
        rows = cursor.fetchall()
    return [
        Broken(index, event_id, occurred_at, is_there=True)
        for index, leaf, event_id, occurred_at, *row in rows
        if not _is_sealed_as(leaf, row)
    ]


def _is_sealed_as(leaf: bytes, row: list[Any]) -> bool:
    try:
        return hash_of_row(row) == leaf
    except (TypeError, ValueError, RecursionError):
        # Details that are null, or such a number or depth, are never sealed.
        return False
