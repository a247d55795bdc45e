"""Jobs of the log."""

from __future__ import annotations

from celery import shared_task
from django.db import connection, transaction

from audit.base.context import System
from audit.base.sessions import only_one
from audit.queries.reading import verification_is_requested
from audit.services.verification import record_verification, verify_log

MONTHS_AHEAD = 3
VERIFIER = System("scheduled verification")
HOURS_6 = 6 * 3600


@shared_task
def make_partitions() -> None:
    """Make the log's monthly partitions up to three months ahead; idempotent.

    Should it never run, events land in the default partition and nothing is lost.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT audit_make_partitions(%s)", [MONTHS_AHEAD])


@shared_task(time_limit=HOURS_6)
def verify() -> None:
    """Check the whole log and write down what came of it; damage raises an alert.

    One at a time: a second run at the same time has nothing to add.
    """
    with only_one("audit_verification") as is_mine:
        if is_mine:
            record_verification(verify_log(), actor=VERIFIER)


@shared_task(time_limit=HOURS_6)
def verify_if_asked() -> None:
    """Check the log if somebody asked for it in the console."""
    if verification_is_requested():
        verify()
