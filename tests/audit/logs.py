"""Events for the log, and sealing them by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import time_machine
from django.db import connection, transaction
from django.utils import timezone

from audit.base.context import System, acting_as
from audit.core.checkpoint import AT_THE_LATEST
from audit.core.event import COLUMNS, event_hash
from audit.models import AuditEvent, AuditLeaf
from audit.services.recording import build_event, record
from audit.services.sealing import Sequencer, make_checkpoint_if_due

WRITER = System("test writer")

NOBODY = {"kind": "", "id": "", "label": ""}
ALICE = {"kind": "user", "id": "usr_1", "label": "alice"}
# As exports get it.
EVENT: dict[str, Any] = {
    "index": 7,
    "id": "evt_1",
    "object": "audit_event",
    "occurred_at": "2026-11-28T01:02:03Z",
    "action": "user.created",
    "outcome": "success",
    "actor": ALICE,
    "target": NOBODY,
    "owner": "",
    "address": "203.0.113.9",
    "user_agent": "curl/8",
    "request_id": "req-1",
    "details": {},
}


def write_events(count: int, *, first: int = 0) -> list[AuditEvent]:
    """Write events, each in a transaction of its own, as requests do."""
    with acting_as(WRITER, address="198.51.100.7", user_agent="tests"):
        return [write_event(number) for number in range(first, first + count)]


def write_event(number: int = 0) -> AuditEvent:
    with transaction.atomic():
        return record(
            "request.refused",
            target=("thing", f"thing-{number % 7}", f"Thing {number} é\U0001f600"),
            details={
                "code": "test",
                "status": number,
                "nested": {"a": [1, None, True]},
            },
        )


def write_many(count: int) -> None:
    """Write many events in one statement, where no test asks how they came."""
    AuditEvent.objects.bulk_create(
        build_event(
            "request.refused",
            target=("thing", f"thing-{number % 7}", f"Thing {number}"),
            details={"code": "test", "status": number},
            actor=WRITER,
        )
        for number in range(count)
    )


def seal(sequencer: Sequencer | None = None) -> int:
    """Seal all that waits; return how many events that were."""
    sequencer = sequencer or Sequencer()
    total = 0
    while sealed := sequencer.seal():
        total += sealed
    return total


def advance() -> None:
    """Seal all that waits, and put it under a checkpoint."""
    seal()
    with time_machine.travel(timezone.now() + AT_THE_LATEST):
        assert make_checkpoint_if_due()


def hash_of(event: AuditEvent) -> bytes:
    """The leaf of an event, from the model that the ORM reads."""
    return event_hash([getattr(event, name) for name in COLUMNS])


def sealed_ids() -> Sequence[str]:
    return list(AuditLeaf.objects.values_list("event_id", flat=True))


def transactions_ahead(count: int) -> None:
    """Use up transaction ids."""
    with connection.cursor() as cursor:
        for _ in range(count):
            cursor.execute("SELECT pg_current_xact_id()")
