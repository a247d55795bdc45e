"""Reading the sealed log: its size, its roots, its proofs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Exists, Max, OuterRef, Q

from audit.core.merkle import (
    Frontier,
    Node,
    Span,
    consistency_spans,
    cover,
    fold,
    inclusion_spans,
    perfect_root,
)
from audit.errors import LogDamaged
from audit.models import AuditEvent, AuditLeaf, AuditNode, Checkpoint

# Above the leaves every eighth level is stored, as tiles of other logs are.
LEVELS_PER_TILE = 8
LOOK_BACK = timedelta(hours=1)


def tree_size() -> int:
    """Return how many events are sealed. 1 query."""
    last: int | None = AuditLeaf.objects.aggregate(last=Max("index"))["last"]
    return 0 if last is None else last + 1


def sealing_delay(*, now: datetime) -> timedelta:
    """Return how long the oldest event has waited for its leaf; 0 if none waits.

    By the time of the newest leaf: exact unless the clock went back. If that is in the
    future, each event of the last hour is looked up by itself. 2 queries.
    """
    newest = AuditLeaf.objects.order_by("-index").first()
    waiting = AuditEvent.objects.order_by("occurred_at", "id")
    if newest is not None and newest.occurred_at > now:
        leaf = AuditLeaf.objects.filter(event_id=OuterRef("id"))
        recent = waiting.filter(occurred_at__range=(now - LOOK_BACK, now))
        waiting = recent.exclude(Exists(leaf))
    elif newest is not None:
        waiting = waiting.filter(occurred_at__gt=newest.occurred_at)
    oldest = waiting.first()
    return (
        timedelta(0) if oldest is None else max(timedelta(0), now - oldest.occurred_at)
    )


def newest_checkpoint() -> Checkpoint | None:
    """Return the newest checkpoint. 1 query."""
    return Checkpoint.objects.order_by("-number").first()


def index_of(event_id: str) -> int | None:
    """Return an event's place in the sealed log, None while it has none. 1 query."""
    leaf = AuditLeaf.objects.filter(event_id=event_id).first()
    return None if leaf is None else leaf.index


def leaf_time(index: int) -> datetime | None:
    """Return when the event at a place happened, None if there is none. 1 query."""
    leaf = AuditLeaf.objects.filter(index=index).first()
    return None if leaf is None else leaf.occurred_at


def frontier(size: int) -> Frontier:
    """Return the tree of the first `size` events, ready to grow. At most 4 queries.

    Raises LogDamaged when a hash is missing.
    """
    nodes = cover(Span(0, size))
    known = _hashes(nodes)
    return Frontier(size, [known[node] for node in nodes])


def root_at(size: int) -> bytes:
    """Return the root of the first `size` events. Raises LogDamaged."""
    return frontier(size).root()


def inclusion_proof(index: int, size: int) -> list[bytes]:
    """Return the proof that event `index` is among the first `size`, leaf first.

    Raises ValueError unless index < size, LogDamaged when a hash is missing.
    """
    return _roots(inclusion_spans(index, size))


def consistency_proof(first: int, second: int) -> list[bytes]:
    """Return the proof that the first `first` events begin the first `second`.

    Raises ValueError unless 0 < first <= second, LogDamaged when a hash is missing.
    """
    return _roots(consistency_spans(first, second))


def _roots(spans: list[Span]) -> list[bytes]:
    covers = [cover(span) for span in spans]
    known = _hashes(node for nodes in covers for node in nodes)
    return [fold([known[node] for node in nodes]) for nodes in covers]


def _hashes(nodes: Iterable[Node]) -> dict[Node, bytes]:
    """Return the hash of each node, from the stored level at or below it.

    One query per stored level, of at most 128 hashes for a node.
    """
    by_level: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        by_level[node.level - node.level % LEVELS_PER_TILE].append(node)
    found: dict[Node, bytes] = {}
    for stored, wanted in by_level.items():
        hashes = _stored(stored, [_below(node, stored) for node in wanted])
        for node in wanted:
            try:
                below = [hashes[number] for number in _below(node, stored)]
            except KeyError as error:
                raise LogDamaged from error
            found[node] = perfect_root(below)
    return found


def _below(node: Node, level: int) -> range:
    """Return the numbers of the nodes of a level that a node is the root of."""
    height = node.level - level
    return range(node.number << height, (node.number + 1) << height)


def _stored(level: int, ranges: list[range]) -> dict[int, bytes]:
    column = "number" if level else "index"
    wanted = Q()
    for each in ranges:
        wanted |= Q(**{f"{column}__gte": each.start, f"{column}__lt": each.stop})
    stored = AuditNode.objects.filter(level=level) if level else AuditLeaf.objects.all()
    rows = stored.filter(wanted).values_list(column, "hash")
    return {number: bytes(hashed) for number, hashed in rows}
