"""Answers that are kept, so that a repeated request gets the first one again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.queries import LockedAgent
from transactions.decisions.models import IdempotencyRecord
from transactions.decisions.queries.answers import StoredAnswer
from transactions.errors import IdempotencyConflict

OK, CREATED = 200, 201


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller is told, and whether it was told before."""

    status_code: int
    body: Mapping[str, Any]
    is_replay: bool


def keep(
    answer: Answer, agent: LockedAgent, key: str, *, request_digest: str
) -> IdempotencyRecord:
    """Return the row by which a repeat of what was asked gets the same answer."""
    return IdempotencyRecord(
        agent_id=agent.id,
        key=key,
        request_digest=request_digest,
        status_code=answer.status_code,
        response=json.dumps(answer.body),
        created_at=agent.now,
    )


def told_before(
    stored: StoredAnswer | IdempotencyRecord, *, request_digest: str
) -> Answer:
    """Return the answer that a key was given; IdempotencyConflict if it asked else."""
    if stored.request_digest != request_digest:
        raise IdempotencyConflict
    return Answer(stored.status_code, json.loads(stored.response), is_replay=True)
