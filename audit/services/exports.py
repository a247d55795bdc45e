"""Exports: the log, or a view of it, in the formats that others take. Streamed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from audit.base.context import Principal
from audit.base.core.readers import rfc3339
from audit.core.event import COLUMNS, event_object
from audit.core.exports import FORMATS, csv_header, jsonl
from audit.models import AuditEvent, AuditLeaf, Checkpoint
from audit.queries.reading import sealed_events
from audit.services.recording import record

CHUNK = 2_000
# What an outsider verifies: every sealed event in order, and every checkpoint.
PROOF = "proof"


def record_export(
    form: str, *, filters: Mapping[str, object], actor: Principal | None = None
) -> None:
    """Write down that somebody takes the log away; before its first line leaves."""
    with transaction.atomic(durable=True):
        record(
            "audit.exported",
            details={"format": form, "filters": dict(filters)},
            actor=actor,
        )


def export_events(events: QuerySet[AuditEvent], form: str) -> Iterator[str]:
    """Yield the lines of events in a format of FORMATS, oldest first.

    Memory stays the same however many there are.
    """
    spell = FORMATS[form]
    if form == "csv":
        yield csv_header()
    leaf = AuditLeaf.objects.filter(event_id=OuterRef("pk")).values("index")
    rows = (
        events.order_by("occurred_at", "id")
        .annotate(place=Subquery(leaf))
        .values_list(*COLUMNS, "place")
    )
    page = list(rows[:CHUNK])
    while page:
        for *row, index in page:
            yield spell({"index": index, **_spelled(row)})
        # Page by page: one cursor over all would be one long statement.
        last_id, last_time = row[:2]
        after = rows.filter(occurred_at__gte=last_time)
        page = list(after.exclude(occurred_at=last_time, id__lte=last_id)[:CHUNK])


def export_proof() -> Iterator[str]:
    """Yield all that the verifier for outsiders reads, as lines of JSON."""
    for number, note in Checkpoint.objects.order_by("number").values_list(
        "number", "note"
    ):
        yield jsonl({"checkpoint": number, "note": note})
    index = 0
    while True:
        after = AuditLeaf.objects.filter(index__gte=index).order_by("index")
        leaves = list(after[:CHUNK])
        if not leaves:
            return
        page = sealed_events(index, leaves[-1].index + 1)
        events = {row[:2]: row for row in page.values_list(*COLUMNS)}
        for leaf in leaves:
            row = events.get((leaf.event_id, leaf.occurred_at))
            event = _spelled(row) if row else None
            yield jsonl({"index": leaf.index, "event": event, **_trace(leaf, row)})
            index = leaf.index + 1


def _trace(leaf: AuditLeaf, row: Any) -> dict[str, str]:
    """Return what is left of an event that is gone; nothing for one that is there."""
    if row is not None:
        return {}
    return {
        "leaf": bytes(leaf.hash).hex(),
        "occurred_at": rfc3339(leaf.occurred_at),
    }


def _spelled(row: Any) -> dict[str, Any]:
    event = event_object(row)
    return {**event, "occurred_at": rfc3339(event["occurred_at"])}
