"""A stored decision as a record."""

from __future__ import annotations

from transactions.decisions.core.record import Record
from transactions.decisions.models import Decision


def record_of(row: Decision) -> Record:
    """Return the record from which a decision's digest is computed. No queries."""
    return Record(
        id=row.pk,
        transaction=row.transaction_id,
        function_call=row.function_call_id,
        outcome=row.outcome,
        findings=row.findings,
        inputs=row.inputs,
        risk_bp=row.risk_bp,
        risk_factors_bp=row.risk_factors_bp,
        policy_version=row.policy_version_id,
        engine_version=row.engine_version,
        decided_at=row.decided_at,
    )
