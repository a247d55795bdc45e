"""What an Idempotency-Key was answered before."""

from __future__ import annotations

import json
from dataclasses import dataclass

# As one column. Parameters: agent and key.
ANSWER = """
    (SELECT to_jsonb(i) FROM transactions_idempotencyrecord i
      WHERE i.agent_id = %(agent)s AND i.key = %(key)s)
"""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What an Idempotency-Key was answered before."""

    request_digest: str
    status_code: int
    response: str


def answer_of(column: str | None) -> StoredAnswer | None:
    """Return what the column ANSWER tells; None where the key is new."""
    if not column:
        return None
    row = json.loads(column)
    return StoredAnswer(row["request_digest"], row["status_code"], row["response"])
