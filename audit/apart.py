"""Events that outlive the transaction in which they were noticed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from django.db import Error, connection, transaction
from psycopg_pool import PoolTimeout

from audit.models import AuditEvent
from audit.services.recording import Outcome, build_event

logger = logging.getLogger(__name__)

# Only a lock that the caller holds itself could keep an INSERT waiting.
LOCK_TIMEOUT = "1s"


def record_in_new_transaction(
    action: str,
    *,
    target: tuple[str, str, str],
    outcome: str = Outcome.FAILURE,
    details: Mapping[str, object],
) -> None:
    """Write an event that stays even if the caller's transaction rolls back.

    Inside of a transaction it is written on a second connection, and committed when
    this returns. If the pool has no connection within its time-out, or the log is
    locked for over a second, it goes into the caller's transaction, as `record()`
    does. 1 INSERT. For observations, never for the caller's own changes.
    """
    event = build_event(action, target=target, outcome=outcome, details=details)
    if _is_in_transaction() and _is_saved_apart(event):
        return
    with transaction.atomic():
        event.save(force_insert=True)


def _is_in_transaction() -> bool:
    """Return whether the caller is in a transaction (pytest's does not count)."""
    try:
        with transaction.atomic(durable=True):
            return False
    except RuntimeError:
        return True


def _is_saved_apart(event: AuditEvent) -> bool:
    is_saved = threading.Event()

    def save() -> None:
        try:
            with transaction.atomic(durable=True):
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                event.save(force_insert=True)
            is_saved.set()
        except (Error, PoolTimeout):
            logger.exception("An event could not be written on its own connection.")
        finally:
            connection.close()

    # Connections belong to threads: a new one has a connection of its own.
    thread = threading.Thread(target=save)
    thread.start()
    thread.join()
    return is_saved.is_set()
