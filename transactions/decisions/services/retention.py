"""Retention of stored answers."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Max

from audit.base.purging import purge
from transactions.decisions.models import IdempotencyRecord

ANSWERS_LAST = timedelta(days=30)


def retire_idempotency_records(*, now: datetime) -> int:
    """Delete answers older than 30 days; return their number, at most 100,000.

    Afterwards the same key makes a new request. If the newest record is older than now,
    its time is used instead: the clock may be ahead, and a retry would spend twice.
    """
    records = IdempotencyRecord.objects.all()
    newest = records.aggregate(at=Max("created_at"))["at"] or now
    old = records.filter(created_at__lt=min(now, newest) - ANSWERS_LAST)
    return purge(old.order_by("created_at"))
