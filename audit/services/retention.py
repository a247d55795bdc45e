"""Retention: whole months of events go, their leaves stay, and the rest still verifies.

What was there is known for ever by its hashes: that it was, when, and in which order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from audit.base.context import Principal
from audit.base.core.readers import rfc3339
from audit.base.sessions import no_statement_timeout
from audit.core.retention import is_old_enough, month_of, next_month
from audit.errors import RetirementRefused
from audit.models import AuditLeaf
from audit.queries.sealed import monthly_partitions, unsealed_events
from audit.queries.tree import newest_checkpoint
from audit.services.recording import record
from audit.services.verification import record_verification, verify_log


@dataclass(frozen=True, slots=True)
class Retired:
    """A month whose events are gone: [start, end)."""

    start: datetime
    end: datetime
    events: int


@no_statement_timeout()
def retire_months(
    *, before: datetime, now: datetime, actor: Principal
) -> list[Retired]:
    """Drop the events of all months that end at or before an instant; as the owner.

    First the whole log is verified, because what is gone cannot be. Each month is
    dropped in a transaction of its own, with the event that records it. Raises
    RetirementRefused for months that are too young, not sealed or under no checkpoint,
    for a log that does not verify, and for another role than the owner; then all that
    is left stays.
    """
    names = [n for n in monthly_partitions() if next_month(month_of(n)) <= before]
    for name in names:
        _require_ripe(month_of(name), now=now)
    if names:
        result = verify_log()
        record_verification(result, actor=actor)
        if not result.is_good:
            raise RetirementRefused(f"The log does not verify: {result.first}")
    return [_retire(name, now=now, actor=actor) for name in names]


def _require_ripe(start: datetime, *, now: datetime) -> int:
    """Return how many events a month has; raise RetirementRefused if it must stay."""
    end = next_month(start)
    if not is_old_enough(end, now=now):
        raise RetirementRefused(f"{start:%Y-%m} is not old enough yet.")
    leaves = AuditLeaf.objects.filter(occurred_at__gte=start, occurred_at__lt=end)
    last = leaves.order_by("-index").first()
    checkpoint = newest_checkpoint()
    is_signed = last is None or (checkpoint and last.index < checkpoint.size)
    if unsealed_events(start, 1, end=end) or not is_signed:
        raise RetirementRefused(f"{start:%Y-%m} is not sealed and signed yet.")
    return leaves.count()


def _retire(name: str, *, now: datetime, actor: Principal) -> Retired:
    start = month_of(name)
    end = next_month(start)
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        count = _require_ripe(start, now=now)
        record(
            "audit.retired",
            details={
                "from": rfc3339(start),
                "until": rfc3339(end),
                "events": count,
            },
            actor=actor,
        )
        quoted = connection.ops.quote_name(name)
        cursor.execute(f"ALTER TABLE audit_auditevent DETACH PARTITION {quoted}")
        cursor.execute(f"DROP TABLE {quoted}")
    return Retired(start, end, count)
