"""The snapshot of an agent's past for a decision, read in one statement."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.policy.core.policy import PolicyRules
from agents.queries import STANDING, Standing, standing_of, standing_parameters
from audit.base.prepared import first_row
from transactions.budgets.core.pots import pot_of, pots_of
from transactions.budgets.models import Reservation
from transactions.budgets.queries.budgets import (
    COUNTED,
    CountedPot,
    counted,
    counted_parameters,
    shared_spent_of,
    spent_of,
)
from transactions.budgets.queries.locking import APPLYING, LockedBudget, LockedSpender
from transactions.decisions.core.activity import Activity, RecentRequest, no_activity
from transactions.decisions.core.facts import Facts, MerchantHistory, SpendingRequest
from transactions.decisions.queries.answers import ANSWER, StoredAnswer, answer_of

# Runs after the locking statement, to see the commits for which the lock waited.
_SNAPSHOT = f"""
SELECT
    (SELECT to_jsonb(a) FROM transactions_agentactivity a
      WHERE a.agent_id = %(agent)s),
    (SELECT to_jsonb(m) FROM transactions_merchantactivity m
      WHERE m.agent_id = %(agent)s AND m.merchant_key = %(merchant)s),
    ARRAY(SELECT ARRAY[l.merchant_key, coalesce(nullif(l.merchant, ''), l.merchant_key)]
      FROM transactions_merchantactivity l
      WHERE l.agent_id = %(agent)s AND l.skeleton = %(skeleton)s AND l.skeleton <> ''
        AND l.merchant_key <> %(merchant)s AND l.allowed_count > 0
      ORDER BY l.merchant_key LIMIT 3),
    ({COUNTED}),
    ARRAY(SELECT s.id {APPLYING} ORDER BY s.id),
    {ANSWER},
    {STANDING}
"""  # noqa: S608 - constants only.


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The data for a decision on spending, read while the spender is locked."""

    activity: Activity
    merchant: MerchantHistory
    counted: tuple[CountedPot, ...]
    shared: tuple[LockedBudget, ...]
    is_fully_locked: bool
    standing: Standing
    answer: StoredAnswer | None
    own_minor: int = 0

    def facts(self, request: SpendingRequest, now: datetime) -> Facts:
        """Return the frozen facts of a decision."""
        return Facts(
            request=request,
            agent_is_active=self.standing.agent_is_active,
            owner_is_active=self.standing.owner_is_active,
            credential_is_live=self.standing.credential_is_live,
            locks=self.standing.locks,
            activity=self.activity,
            merchant=self.merchant,
            spent=spent_of(self.counted, own_minor=self.own_minor),
            shared=shared_spent_of(self.counted, self.shared, own_minor=self.own_minor),
            now=now,
        )


def snapshot_for(
    spender: LockedSpender,
    *,
    policy: PolicyRules | None,
    credential_id: str | None,
    merchant_key: str,
    merchant_skeleton: str = "",
    category: str,
    currency: str,
    now: datetime,
    own: Reservation | None = None,
    idempotency_key: str = "",
) -> Snapshot:
    """Read an agent's counters, budgets, standing and stored answer.

    `credential_id` is the requesting credential, None if a human decides. Without
    `merchant_skeleton`, look-alikes of the merchant are not searched. `own` is the
    transaction's own reservation if it was decided before; its money is left out.

    1 statement, and one for each pot that counted() counts again. Call it after
    lock_spender(): under READ COMMITTED only a new statement sees the commits for which
    the lock waited.
    """
    agent = spender.agent
    where = {"merchant": merchant_key, "category": category}
    pots = (
        *pots_of(policy, agent_id=agent.id, now=now, is_past=own is not None, **where),
        *(pot_of(budget, now) for budget in spender.shared),
    )
    parameters = (
        standing_parameters(agent, credential_id=credential_id, merchant=merchant_key)
        | counted_parameters(pots)
        | {
            "currency": currency,
            "key": idempotency_key,
            "skeleton": merchant_skeleton,
        }
    )
    row = first_row(_SNAPSHOT, parameters)
    assert row is not None  # noqa: S101 - a SELECT without FROM returns one row.
    activity, merchant, lookalikes, stored, applying, answer, *standing = row
    known = {budget.id for budget in spender.shared}
    concerned = applying if own is None else own.shared_budgets
    shared = tuple(
        budget
        for budget in spender.shared
        if budget.id in concerned and budget.currency == currency and budget.is_active
    )
    holders = {agent.id, *(budget.id for budget in shared)}
    return Snapshot(
        activity=_activity(_row(activity), now),
        merchant=_merchant(_row(merchant), lookalikes),
        counted=tuple(
            item
            for item in counted(
                pots,
                stored,
                currency=currency,
                policy=policy,
                mode=agent.mode,
                is_past=own is not None,
            )
            if item.pot.holder in holders
        ),
        shared=shared,
        is_fully_locked=known.issuperset(concerned),
        standing=standing_of(agent, standing),
        answer=answer_of(answer),
        own_minor=own.counted_minor if own else 0,
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
        recent=tuple(
            RecentRequest(**each | {"at": datetime.fromisoformat(each["at"])})
            for each in row["recent"]
        ),
    )


def _merchant(
    row: Mapping[str, Any], alike: Sequence[Sequence[str]]
) -> MerchantHistory:
    """Return the history at a merchant, with the merchants whose names look alike."""
    lookalikes = tuple(key for key, _ in alike)
    names = tuple(name for _, name in alike)
    if not row:
        return MerchantHistory(lookalikes=lookalikes, lookalike_names=names)
    return MerchantHistory(
        allowed_count=row["allowed_count"],
        last_amount_minor=row["last_amount_minor"],
        last_request_at=datetime.fromisoformat(row["last_request_at"]),
        lookalikes=lookalikes,
        lookalike_names=names,
    )
