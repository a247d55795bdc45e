"""Decisions as the records that they are, and deriving them anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from agents.core.policy import PolicyRules
from agents.models import PolicyVersion
from agents.queries import rules_of
from audit.models import AuditEvent
from audit.queries import events_told
from transactions.core.record import Record
from transactions.core.replay import Replay, replay
from transactions.models import Decision

BATCH = 500
POLICIES_KEPT = 100
# Which events tell of a decision, by what it is about.
TOLD_BY = {
    "transaction": "transaction.decided",
    "function_call": "function_call.decided",
}


def record_of(row: Decision) -> Record:
    """Return what a decision's digest is taken of; no query."""
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


def replay_of(row: Decision) -> Replay:
    """Derive one decision anew, with its policy as it is stored now. 1 query.

    And one more unless its policy version came with it.
    """
    version = row.policy_version
    policy = None if version is None else rules_of(version)
    return _replay(row, policy, told_of([row]))


def replays(limit: int | None = None) -> Iterator[Replay]:
    """Derive stored decisions anew, the newest first, at most `limit`.

    Memory stays the same for any number: 3 queries per BATCH, 1 per policy version.
    """

    @lru_cache(maxsize=POLICIES_KEPT)
    def policy_of(version_id: str | None) -> PolicyRules | None:
        if version_id is None:
            return None
        return rules_of(PolicyVersion.objects.get(pk=version_id))

    rows = Decision.objects.order_by("-pk")
    batch = list(rows[: _size(limit)])
    while batch:
        told = told_of(batch)
        for row in batch:
            yield _replay(row, policy_of(row.policy_version_id), told)
        if limit is not None:
            limit -= len(batch)
        batch = list(rows.filter(pk__lt=batch[-1].pk)[: _size(limit)])


def told_of(rows: Sequence[Decision]) -> Mapping[str, AuditEvent]:
    """Return the events that tell of decisions, by what these are about.

    At most 2 queries. Of retired months there are none.
    """
    times = [row.decided_at for row in rows]
    found: dict[str, AuditEvent] = {}
    for kind, action in TOLD_BY.items():
        ids = [key for row in rows if (key := getattr(row, f"{kind}_id"))]
        if ids:
            events = events_told(action, ids, since=min(times), until=max(times))
            found |= {event.target_id: event for event in events}
    return found


def _replay(
    row: Decision, policy: PolicyRules | None, told: Mapping[str, AuditEvent]
) -> Replay:
    event = told.get(row.transaction_id or row.function_call_id or "")
    return replay(
        record_of(row),
        digest=row.digest,
        policy=policy,
        logged=None if event is None else event.details.get("digest"),
    )


def _size(limit: int | None) -> int:
    return BATCH if limit is None else min(limit, BATCH)
