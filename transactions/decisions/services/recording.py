"""A decision's row, bound by its digest."""

from __future__ import annotations

from transactions.decisions.core.record import ENGINE_VERSION, record_digest
from transactions.decisions.models import Decision
from transactions.decisions.queries.records import record_of


def with_digest(row: Decision) -> Decision:
    """Return an unsaved decision, complete, bound by the digest of all of it."""
    row.engine_version = ENGINE_VERSION
    row.digest = record_digest(record_of(row))
    return row
