"""What is kept for a time only."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from transactions.models import IdempotencyRecord

ANSWERS_LAST = timedelta(days=30)
BATCH = 1000
BATCHES_MAX = 100


def retire_idempotency_records(*, now: datetime) -> int:
    """Forget answers of more than 30 days ago; returns how many. At most 100,000.

    After that the same key is a new request. In batches of 1,000, each a transaction
    of its own, so that no agent ever waits for more than one of them.
    """
    retired = 0
    for _ in range(BATCHES_MAX):
        with transaction.atomic(durable=True):
            old = IdempotencyRecord.objects.filter(created_at__lt=now - ANSWERS_LAST)
            due = list(old.order_by("created_at").values_list("pk", flat=True)[:BATCH])
            deleted, _ = IdempotencyRecord.objects.filter(pk__in=due).delete()
        retired += deleted
        if deleted < BATCH:
            break
    return retired
