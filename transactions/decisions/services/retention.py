"""What is kept for a time only."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Max

from audit.base.purging import purge
from transactions.decisions.models import IdempotencyRecord

ANSWERS_LAST = timedelta(days=30)


def retire_idempotency_records(*, now: datetime) -> int:
    """Forget answers of more than 30 days ago; returns how many, at most 100,000.

    After that the same key is a new request. Goes by the newest record where that is
    older than now: then the clock may be ahead, and a retry would spend twice.
    """
    records = IdempotencyRecord.objects.all()
    newest = records.aggregate(at=Max("created_at"))["at"] or now
    old = records.filter(created_at__lt=min(now, newest) - ANSWERS_LAST)
    return purge(old.order_by("created_at"))
