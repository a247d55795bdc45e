"""The lock order for all money movements: shared budgets by id, then the agent's row.

Code that changes a budget holds the lock of the agent or shared budget to which it
belongs, so nothing ever waits for a budget's own row. Agents that share no budget never
wait for each other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from agents.queries import AGENT_COLUMNS, LockedAgent
from audit.base.errors import NotFound
from audit.base.prepared import first_row

# SQL: the shared budgets of an agent, by the owner's team; test agents have none.
APPLYING = """
    FROM transactions_sharedbudget s
    JOIN agents_agent a ON a.id = %(agent)s
    JOIN accounts_user u ON u.id = a.owner_id
    WHERE a.mode = 'live' AND s.is_active
      AND (s.team_id IS NULL OR s.team_id = u.team_id)
"""

# The count(*) makes the agent's lock wait for the budgets'; the clock is read last.
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
    """A shared budget's row while it is locked.

    An inactive one limits nothing, but money that counts in it still moves in it.
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
    """An agent's row and its shared budgets, while they are locked."""

    agent: LockedAgent
    shared: Sequence[LockedBudget]


def lock_spender(agent_id: str, *, transaction_id: str | None = None) -> LockedSpender:
    """Lock all that an agent's spending can change, until the transaction ends.

    1 statement. `transaction_id` adds the shared budgets in which that transaction
    counts, in case its agent was in another team then. Raises NotFound.
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
