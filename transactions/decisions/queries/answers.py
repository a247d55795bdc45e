"""Stored answers to Idempotency-Keys."""

from __future__ import annotations

import json
from dataclasses import dataclass

# SQL of the stored answer as one column. Parameters: agent and key.
ANSWER = """
    (SELECT to_jsonb(i) FROM transactions_idempotencyrecord i
      WHERE i.agent_id = %(agent)s AND i.key = %(key)s)
"""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The earlier answer to an Idempotency-Key."""

    request_digest: str
    status_code: int
    response: str


def answer_of(column: str | None) -> StoredAnswer | None:
    """Return the stored answer in the column ANSWER; None if the key is new."""
    if not column:
        return None
    row = json.loads(column)
    return StoredAnswer(row["request_digest"], row["status_code"], row["response"])
