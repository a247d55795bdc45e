"""What is read of many agents' past is found by an index, however long the past is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import make_agent
from tests.spending import spend
from tests.transactions.sharing import share
from transactions.dashboard.queries import (
    dashboard_for,
    decisions_by_hour,
    page_of_transactions,
)

ROWS = 6_000
SCAN = "Seq Scan on transactions_transaction"
# Copies of one allowed transaction, every ten minutes before it, of all agents in turn.
FILL = """
CREATE TEMP TABLE new AS
SELECT lpad(n::text, 26, '0') AS id, a.id AS agent, now() - n * interval '10 min' AS at
FROM generate_series(1, %(rows)s) n JOIN (
    SELECT id, row_number() OVER () - 1 AS place, count(*) OVER () AS agents
    FROM agents_agent
) a ON a.place = n %% a.agents;
CREATE TEMP TABLE old AS SELECT t, d, r FROM transactions_transaction t
    JOIN transactions_decision d ON d.transaction_id = t.id
    JOIN transactions_reservation r ON r.transaction_id = t.id;
INSERT INTO transactions_transaction
SELECT row.* FROM new, old, jsonb_populate_record(t, jsonb_build_object(
    'id', 'txn_' || id, 'agent_id', agent, 'created_at', at, 'occurred_at', at)) row;
INSERT INTO transactions_decision
SELECT row.* FROM new, old, jsonb_populate_record(d, jsonb_build_object(
    'id', 'dec_' || id, 'transaction_id', 'txn_' || id, 'decided_at', at)) row;
INSERT INTO transactions_reservation
SELECT row.* FROM new, old, jsonb_populate_record(r, jsonb_build_object(
    'transaction_id', 'txn_' || id, 'created_at', at)) row;
ANALYZE
"""


@pytest.fixture
def past(as_owner, people):
    """Six weeks of sixteen agents of one team."""
    agents = [
        make_agent(people.carol, acting=people.alice, name=f"agent {n}")
        for n in range(16)
    ]
    spend(agents[0], "1.00")
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '60s'")
        for statement in FILL.split(";"):
            cursor.execute(statement, {"rows": ROWS} if "%(rows)s" in statement else {})


def plans(captured: CaptureQueriesContext, *, mentioning: str) -> list[str]:
    """Return the plans of the statements that read or change a table."""
    found = []
    with connection.cursor() as cursor:
        for query in captured.captured_queries:
            sql: Any = query["sql"]
            if mentioning in sql and sql.lstrip().startswith(("SELECT", "UPDATE")):
                cursor.execute(f"EXPLAIN {sql}")
                found.append("\n".join(line for (line,) in cursor.fetchall()))
    return found


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_lists_and_numbers_of_many_agents_read_the_newest_only(past, people, who):
    person = getattr(people, who)
    now = timezone.now()
    with CaptureQueriesContext(connection) as captured:
        rows = page_of_transactions(person, filters={}, before="", size=50)
        page_of_transactions(person, filters={}, before=rows[49].pk, size=50)
        dashboard_for(person, since=now - timedelta(hours=2))
        decisions_by_hour(person, now=now)

    found = plans(captured, mentioning="transactions_transaction")
    assert [plan for plan in found if SCAN in plan] == []
    # Two pages, two numbers of the day, and the hours.
    assert sum("transaction_newest" in plan for plan in found) == 5


@pytest.mark.parametrize("period", ["day", "week"])
def test_a_shared_budget_reads_its_period_only(past, alice, period):
    with CaptureQueriesContext(connection) as captured:
        share(alice, 100_000_00, period=period)

    found = plans(captured, mentioning="transactions_transaction")
    assert [plan for plan in found if SCAN in plan] == []
    # What lacks the budget's name, and what has it.
    assert sum("transaction_newest" in plan for plan in found) == 2
