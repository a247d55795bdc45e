"""Deletes rows in batches, so that no lock is held for long."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

BATCH = 1_000
BATCHES_MAX = 100


def purge(rows: QuerySet[Any]) -> int:
    """Delete rows, at most 100,000; return how many. The next run does the rest.

    In batches of 1,000, each a transaction of its own. Cascades apply.
    """
    purged = 0
    for _ in range(BATCHES_MAX):
        with transaction.atomic(durable=True):
            due = list(rows.values_list("pk", flat=True)[:BATCH])
            rows.model._default_manager.filter(pk__in=due).delete()
        purged += len(due)
        if len(due) < BATCH:
            break
    return purged
