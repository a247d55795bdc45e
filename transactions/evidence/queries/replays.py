"""Stored decisions derived again, and what the log says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from agents.models import PolicyVersion
from agents.policy.core.policy import PolicyRules
from agents.queries import rules_of
from audit.base.core.lookalikes import LOOKS, Looks
from audit.core.retention import is_explained
from audit.models import AuditEvent
from audit.queries.reading import events_named, retirements
from transactions.decisions.core.record import LOOKS_BY_ENGINE
from transactions.decisions.models import Decision
from transactions.decisions.queries.records import record_of
from transactions.evidence.core.replay import Replay, replay

BATCH = 500
POLICIES_KEPT = 100


# The audit action that records a decision, by its subject.
DECISION_ACTIONS = {
    "transaction": "transaction.decided",
    "function_call": "function_call.decided",
}


def replay_of(row: Decision) -> Replay:
    """Derive one decision again, with its policy as it is stored now.

    1 query, and one more unless its policy version is loaded.
    """
    version = row.policy_version
    looks = _looks_of(row)
    policy = None if version is None else rules_of(version, looks)
    [logged] = _logged_digests([row])
    return replay(record_of(row), digest=row.digest, logged=logged, policy=policy)


def replays(limit: int | None = None) -> Iterator[Replay]:
    """Derive stored decisions again, the newest first, at most `limit`.

    Constant memory; 3 queries per BATCH and 1 per policy version.
    """

    @lru_cache(maxsize=POLICIES_KEPT)
    def policy_of(version_id: str | None, looks: Looks) -> PolicyRules | None:
        if version_id is None:
            return None
        return rules_of(PolicyVersion.objects.get(pk=version_id), looks)

    rows = Decision.objects.order_by("-pk")
    batch = list(rows[: _size(limit)])
    while batch:
        for row, logged in zip(batch, _logged_digests(batch), strict=True):
            policy = policy_of(row.policy_version_id, _looks_of(row))
            yield replay(
                record_of(row), digest=row.digest, logged=logged, policy=policy
            )
        if limit is not None:
            limit -= len(batch)
        batch = list(rows.filter(pk__lt=batch[-1].pk)[: _size(limit)])


def replays_ahead(limit: int | None = None) -> int:
    """Return how many decisions replays() will yield, in 1 query."""
    stored = Decision.objects.count()
    return stored if limit is None else min(limit, stored)


def event_of(row: Decision) -> AuditEvent | None:
    """Return the audit event of a decision, or None.

    1 query, and one more if the event is not at the time of the decision.
    """
    return _events_of([row]).get(_about(row))


def _logged_digests(rows: Sequence[Decision]) -> list[str | None]:
    """Return the digest of each decision from the audit log, None if it is missing.

    For a retired month, whose events are gone, returns the stored digest.
    """
    events = _events_of(rows)
    retired = retirements() if len(events) < len(rows) else []
    digests: list[str | None] = []
    for row in rows:
        event = events.get(_about(row))
        if event is not None:
            digests.append(event.details.get("digest", ""))
        elif is_explained(row.decided_at, retired):
            digests.append(row.digest)
        else:
            digests.append(None)
    return digests


def _events_of(rows: Sequence[Decision]) -> dict[str, AuditEvent]:
    """Return the audit events of decisions, by the id of the transaction or call."""
    times = [row.decided_at for row in rows]
    found: dict[str, AuditEvent] = {}
    for kind, action in DECISION_ACTIONS.items():
        ids = {key for row in rows if (key := getattr(row, f"{kind}_id"))}
        if not ids:
            continue
        # The time range limits the months that the database searches.
        then = {"occurred_at__range": (min(times), max(times))}
        found |= {e.target_id: e for e in events_named(action, ids).filter(**then)}
        if missing := ids - found.keys():  # Retired, or the record's time was altered.
            found |= {e.target_id: e for e in events_named(action, missing)}
    return found


def _looks_of(row: Decision) -> Looks:
    return LOOKS_BY_ENGINE.get(row.engine_version or 0, LOOKS)


def _about(row: Decision) -> str:
    return row.transaction_id or row.function_call_id or ""


def _size(limit: int | None) -> int:
    return BATCH if limit is None else min(limit, BATCH)
