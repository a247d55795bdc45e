"""Retention: whole months of events go, their leaves stay, and the rest still verifies.

What was there is known for ever by its hashes: that it was, when, and in which order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction

from audit.context import Principal
from audit.core.retention import is_old_enough, month_of, next_month
from audit.errors import RetirementRefused
from audit.models import AuditLeaf
from audit.queries import newest_checkpoint
from audit.services.recording import record

# Of the monthly partitions, by name; the default one is never retired.
PARTITIONS = r"""
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'audit_auditevent'::regclass
    AND c.relname ~ '^audit_auditevent_\d{4}_\d{2}$'
ORDER BY c.relname
"""
UNSEALED = """
SELECT count(*) FROM audit_auditevent e
WHERE e.occurred_at >= %s AND e.occurred_at < %s
    AND NOT EXISTS (SELECT FROM audit_auditleaf l WHERE l.event_id = e.id)
"""


@dataclass(frozen=True, slots=True)
class Retired:
    """A month whose events are gone: [start, end)."""

    start: datetime
    end: datetime
    events: int


def retire_months(
    *, before: datetime, now: datetime, actor: Principal
) -> list[Retired]:
    """Drop the events of all months that end at or before an instant; as the owner.

    Each month in a transaction of its own, with the event that tells of it. Raises
    RetirementRefused for months that are too young, not sealed or under no checkpoint,
    and for another role than the owner; then that month and all later ones stay.
    """
    return [
        _retire(start, now=now, actor=actor)
        for start in _months()
        if next_month(start) <= before
    ]


def _months() -> list[datetime]:
    with connection.cursor() as cursor:
        cursor.execute(PARTITIONS)
        return [month_of(name) for [name] in cursor.fetchall()]


def _retire(start: datetime, *, now: datetime, actor: Principal) -> Retired:
    end = next_month(start)
    if not is_old_enough(end, now=now):
        raise RetirementRefused(f"{start:%Y-%m} is not old enough yet.")
    name = f"audit_auditevent_{start:%Y_%m}"
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(UNSEALED, [start, end])
        leaves = AuditLeaf.objects.filter(occurred_at__gte=start, occurred_at__lt=end)
        last = leaves.order_by("-index").first()
        checkpoint = newest_checkpoint()
        is_signed = last is None or (checkpoint and last.index < checkpoint.size)
        if cursor.fetchone() != (0,) or not is_signed:
            raise RetirementRefused(f"{start:%Y-%m} is not sealed and signed yet.")
        count = leaves.count()
        record(
            "audit.retired",
            details={
                "from": start.astimezone(UTC).isoformat(),
                "until": end.astimezone(UTC).isoformat(),
                "events": count,
            },
            actor=actor,
        )
        quoted = connection.ops.quote_name(name)
        cursor.execute(f"ALTER TABLE audit_auditevent DETACH PARTITION {quoted}")
        cursor.execute(f"DROP TABLE {quoted}")
    return Retired(start, end, count)
