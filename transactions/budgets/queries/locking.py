"""The one order of locks where money moves: shared budgets by id, then the agent's row.

Whoever changes what counts in a budget holds the row that the budget belongs to, so
budgets themselves are never waited for. Agents that share no budget never wait for
each other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from agents.queries import AGENT_COLUMNS, LockedAgent
from audit.base.errors import NotFound
from audit.base.prepared import first_row

# The shared budgets of an agent, by the owner's team; test agents have none.
APPLYING = """
    FROM transactions_sharedbudget s
    JOIN agents_agent a ON a.id = %(agent)s
    JOIN accounts_user u ON u.id = a.owner_id
    WHERE a.mode = 'live' AND s.is_active
      AND (s.team_id IS NULL OR s.team_id = u.team_id)
"""

# Counting what is locked above makes the agent wait for it; the clock is read last.
_LOCK = f"""
WITH shared AS MATERIALIZED (
    SELECT s.*, (SELECT t.name FROM accounts_team t WHERE t.id = s.team_id) AS team
    FROM transactions_sharedbudget s
    WHERE s.id IN (SELECT s.id {APPLYING}) OR s.id IN (
        SELECT unnest(r.shared_budgets) FROM transactions_reservation r
        WHERE r.transaction_id = %(transaction)s)
    ORDER BY s.id FOR UPDATE OF s
), locked AS MATERIALIZED (
    SELECT {AGENT_COLUMNS} FROM agents_agent
    WHERE id = %(agent)s AND (SELECT count(*) FROM shared) >= 0 FOR UPDATE
)
SELECT (SELECT jsonb_agg(to_jsonb(shared) ORDER BY shared.id) FROM shared),
       locked.*, clock_timestamp() FROM locked
"""  # noqa: S608 - constants only.


@dataclass(frozen=True, slots=True)
class LockedBudget:
    """A shared budget's row while its lock is held.

    One that is switched off judges nothing, but what counts in it still moves in it.
    """

    id: str
    name: str
    currency: str
    period: str
    time_zone: str
    limit_minor: int
    is_active: bool


@dataclass(frozen=True, slots=True)
class LockedSpender:
    """An agent's row and the shared budgets above it, while their locks are held."""

    agent: LockedAgent
    shared: Sequence[LockedBudget]


def lock_spender(agent_id: str, *, transaction_id: str | None = None) -> LockedSpender:
    """Lock what a spending of an agent can change, until the transaction ends.

    1 statement. With a transaction's id also the shared budgets that it counts in, if
    its agent was in another team then. Raises NotFound.
    """
    parameters = {"agent": agent_id, "transaction": transaction_id}
    row = first_row(_LOCK, parameters)
    if row is None:
        raise NotFound
    shared, *agent = row
    return LockedSpender(
        LockedAgent(*agent),
        [
            LockedBudget(
                id=budget["id"],
                name=budget["team"] or "organisation",
                currency=budget["currency"],
                period=budget["period"],
                time_zone=budget["time_zone"],
                limit_minor=budget["limit_minor"],
                is_active=budget["is_active"],
            )
            for budget in json.loads(shared or "[]")
        ],
    )
