"""What a decision reads of an agent's past before it is made: one statement."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from agents.queries import (
    STANDING,
    LockedAgent,
    Standing,
    standing_of,
    standing_parameters,
)
from audit.ids import new_id
from audit.prepared import first_row
from transactions.core.activity import Activity, no_activity
from transactions.core.facts import BudgetState, Facts, MerchantHistory, SpendingRequest

# One statement, after the lock: its snapshot sees all that the lock waited for.
_SNAPSHOT = f"""
SELECT
    (SELECT to_jsonb(a) FROM transactions_agentactivity a
      WHERE a.agent_id = %(agent)s),
    (SELECT to_jsonb(m) FROM transactions_merchantactivity m
      WHERE m.agent_id = %(agent)s AND m.merchant_key = %(merchant)s),
    (SELECT to_jsonb(b) FROM transactions_budget b
      WHERE b.agent_id = %(agent)s AND b.currency = %(currency)s
        AND b.window_start = %(day)s),
    (SELECT to_jsonb(i) FROM transactions_idempotencyrecord i
      WHERE i.agent_id = %(agent)s AND i.key = %(key)s),
    {STANDING}
"""  # noqa: S608 - constants only.


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What an Idempotency-Key was answered before."""

    request_digest: str
    status_code: int
    response: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that one statement tells of an agent's past, read under its lock."""

    activity: Activity
    merchant: MerchantHistory
    budget: BudgetState
    budget_id: str
    standing: Standing
    answer: StoredAnswer | None

    def facts(
        self, request: SpendingRequest, agent: LockedAgent, now: datetime
    ) -> Facts:
        """Return the frozen facts of a decision."""
        return Facts(
            request=request,
            agent_is_active=agent.is_active,
            owner_is_active=self.standing.owner_is_active,
            credential_is_live=self.standing.credential_is_live,
            locks=self.standing.locks,
            activity=self.activity,
            merchant=self.merchant,
            budget=self.budget,
            now=now,
        )


def snapshot_for(
    agent: LockedAgent,
    *,
    credential_id: str | None,
    merchant_key: str,
    currency: str,
    day: date,
    now: datetime,
    idempotency_key: str = "",
) -> Snapshot:
    """Read an agent's counters, budget of the day, standing and stored answer.

    `credential_id` is the one that asks; None where a human decides.
    1 statement. Call it after lock_agent_row(), in a statement of its own: under
    READ COMMITTED only a new statement sees what the lock waited for.
    """
    parameters = standing_parameters(
        agent, credential_id=credential_id, merchant=merchant_key
    ) | {"currency": currency, "day": day, "key": idempotency_key}
    row = first_row(_SNAPSHOT, parameters)
    assert row is not None  # noqa: S101 - a SELECT without FROM has one.
    activity, merchant, budget, answer, *standing = row
    pot = _row(budget)
    return Snapshot(
        activity=_activity(_row(activity), now),
        merchant=_merchant(_row(merchant)),
        budget=BudgetState(
            reserved_minor=pot.get("reserved_minor", 0),
            posted_minor=pot.get("posted_minor", 0),
        ),
        budget_id=pot.get("id") or new_id("bud"),
        standing=standing_of(standing),
        answer=_answer(_row(answer)),
    )


def _row(value: str | None) -> Mapping[str, Any]:
    row: Mapping[str, Any] = json.loads(value) if value else {}
    return row


def _activity(row: Mapping[str, Any], now: datetime) -> Activity:
    if not row:
        return no_activity(now)
    return Activity(
        minute=datetime.fromisoformat(row["minute"]),
        last_request_at=datetime.fromisoformat(row["last_request_at"]),
        requests_by_minute=tuple(row["requests_by_minute"]),
        just_below_by_minute=tuple(row["just_below_by_minute"]),
        allowed_count=row["allowed_count"],
        allowed_sum_minor=row["allowed_sum_minor"],
        allowed_sum_of_squares=row["allowed_sum_of_squares"],
        requests_by_hour_of_day=tuple(row["requests_by_hour_of_day"]),
        waiting_approvals=row["waiting_approvals"],
    )


def _merchant(row: Mapping[str, Any]) -> MerchantHistory:
    if not row:
        return MerchantHistory()
    return MerchantHistory(
        allowed_count=row["allowed_count"],
        last_amount_minor=row["last_amount_minor"],
        last_request_at=datetime.fromisoformat(row["last_request_at"]),
    )


def _answer(row: Mapping[str, Any]) -> StoredAnswer | None:
    if not row:
        return None
    return StoredAnswer(row["request_digest"], row["status_code"], row["response"])
