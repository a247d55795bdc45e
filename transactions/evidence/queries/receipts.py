"""The signed receipt of a decision."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from audit.core.event import COLUMNS, event_hash
from audit.models import AuditEvent
from transactions.decisions.core.record import record_digest
from transactions.decisions.queries.records import record_of
from transactions.errors import NoReceipt, RecordDamaged
from transactions.evidence.core.receipt import LoggedEvent, receipt_of
from transactions.evidence.keys import signing_key
from transactions.evidence.queries.replays import event_of
from transactions.spending.models import Transaction


def signed_receipt(found: Transaction) -> dict[str, Any]:
    """Return the receipt of a transaction that was loaded by this app. 1 query.

    Signs only if the record, its stored digest and the audit event agree. Raises
    RecordDamaged if they differ, NoReceipt if the digest or the event is missing.
    """
    row = found.decision
    if not row.digest:
        raise NoReceipt
    event = event_of(row)
    if event is None:
        raise NoReceipt("The month of this decision was retired from the audit log.")
    record = record_of(row)
    if not row.digest == record_digest(record) == event.details.get("digest"):
        raise RecordDamaged
    version = row.policy_version
    receipt = receipt_of(
        record,
        digest=row.digest,
        issuer=settings.AUDIT_ORIGIN,
        policy_number=None if version is None else version.number,
        event=_logged(event),
    )
    return signing_key().sign(receipt)


def _logged(event: AuditEvent) -> LoggedEvent:
    leaf = event_hash([getattr(event, name) for name in COLUMNS])
    return LoggedEvent(event.pk, event.action, event.actor_id, leaf)
