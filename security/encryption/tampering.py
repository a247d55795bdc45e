"""A stored secret that does not decrypt: moved, changed, or its key is lost."""

from __future__ import annotations

import logging

from audit.apart import record_in_new_transaction

logger = logging.getLogger(__name__)


def record_decryption_failure(target: tuple[str, str, str], *, field: str) -> None:
    """Write to the log file and the audit log, even if the caller's transaction fails.

    `target` is (kind, id, label); `field` is app.model.field. Within half a minute the
    check of the hourly metrics raises the alert, one an hour however many there are.
    """
    logger.error("Decryption of %s failed.", field)
    record_in_new_transaction(
        "decryption.failed", target=target, details={"field": field}
    )
