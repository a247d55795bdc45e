"""The record of a decision with its inputs, and the digest that binds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from audit.base.core.canonical import canonical
from audit.base.core.codec import as_json, by_name
from audit.base.core.lookalikes import LOOKS, LOOKS_2, Looks
from audit.base.core.readers import rfc3339
from transactions.decisions.core.verdict import Verdict

# Increase it whenever the same facts under the same policy may be decided differently;
# tests/transactions/core/test_engine_version.py detects that.
ENGINE_VERSION = 3
# The versions whose records are derived again: they know different look-alikes.
LOOKS_BY_ENGINE: Mapping[int, Looks] = MappingProxyType({2: LOOKS_2, 3: LOOKS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A decision as stored, without its digest; findings and inputs are JSON.

    `inputs` holds the facts, `policy_digest` and, for spending, the thresholds.
    `engine_version` is None if the decision is older than digests.
    """

    id: str
    transaction: str | None
    function_call: str | None
    outcome: str
    findings: Sequence[Mapping[str, Any]]
    inputs: Mapping[str, Any]
    risk_bp: int | None
    risk_factors_bp: Mapping[str, int]
    policy_version: str | None
    engine_version: int | None
    decided_at: datetime


def record_digest(record: Record) -> str:
    """Return the SHA-256 (hex) of a record's canonical JSON (RFC 8785).

    Raises ValueError if the record has no canonical JSON.
    """
    content = by_name(record) | {"decided_at": rfc3339(record.decided_at)}
    return sha256(canonical(content)).hexdigest()


def verdict_as_json(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as a record stores it."""
    risk = verdict.risk
    return {
        "outcome": verdict.outcome.value,
        "findings": [finding.as_json() for finding in verdict.findings],
        "risk_bp": None if risk is None else risk.score_bp,
        "risk_factors_bp": {} if risk is None else as_json(risk),
    }
