"""Jobs of the log."""

from __future__ import annotations

from celery import shared_task
from django.db import connection, transaction

MONTHS_AHEAD = 3


@shared_task
def make_partitions() -> None:
    """Make the log's monthly partitions up to three months ahead; idempotent.

    Should it never run, events land in the default partition and nothing is lost.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT audit_make_partitions(%s)", [MONTHS_AHEAD])
