"""A stored secret that does not decrypt: moved, changed, or its key is lost."""

from __future__ import annotations

import logging

from django.db import transaction

from audit.services import Outcome, record

logger = logging.getLogger(__name__)


def record_decryption_failure(target: tuple[str, str, str], *, field: str) -> None:
    """Tell the log file and the audit log; the hourly metrics raise the alert.

    Inside a transaction that fails because of it the event is lost with the rest; the
    line stays, and so does the event of the request that failed, which counts as well.
    """
    logger.error("Decryption of %s failed.", field)
    with transaction.atomic():
        record(
            "decryption.failed",
            target=target,
            outcome=Outcome.FAILURE,
            details={"field": field},
        )
