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
    """The answer to the caller; `is_replay` if it was stored earlier."""

    status_code: int
    body: Mapping[str, Any]
    is_replay: bool


def idempotency_record(
    answer: Answer, agent: LockedAgent, key: str, *, request_digest: str
) -> IdempotencyRecord:
    """Return the unsaved row that stores the answer for repeated requests."""
    return IdempotencyRecord(
        agent_id=agent.id,
        key=key,
        request_digest=request_digest,
        status_code=answer.status_code,
        response=json.dumps(answer.body),
        created_at=agent.now,
    )


def replayed_answer(
    stored: StoredAnswer | IdempotencyRecord, *, request_digest: str
) -> Answer:
    """Return the stored answer. Raises IdempotencyConflict for another request."""
    if stored.request_digest != request_digest:
        raise IdempotencyConflict
    return Answer(stored.status_code, json.loads(stored.response), is_replay=True)
