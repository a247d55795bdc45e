"""What is asked, and what it is answered: once, however often it is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from agents.queries import LockedAgent
from transactions.core.digest import digest
from transactions.core.fields import by_name
from transactions.errors import IdempotencyConflict
from transactions.models import IdempotencyRecord
from transactions.queries import StoredAnswer
from transactions.representation import instant

OK, CREATED = 200, 201


@dataclass(frozen=True, slots=True)
class Ask:
    """A well-formed body; what only the policy can judge is judged later."""

    amount: Decimal | int | str
    currency: str | None
    merchant: str
    category: str
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    occurred_at: datetime | None = None
    merchant_country: str = ""
    mcc: str = ""

    def digest(self) -> str:
        """Return what makes two bodies under one Idempotency-Key the same."""
        body = by_name(self)
        for name in ("merchant_country", "mcc"):
            if not body[name]:  # As before there were such fields.
                del body[name]
        body["amount"] = str(self.amount)
        body["occurred_at"] = self.occurred_at and instant(self.occurred_at)
        return digest(body)


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
