"""`python -m benchmarks growth`: does a decision get slower as the database grows?

Two databases on throw-away engines: one keeps the smallest size, its copy grows. The
service decides in both in alternation, so that other load on the machine affects both
equally; a ratio compares the two sides of one round.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "platform_site.settings")
os.environ["STATEMENT_TIMEOUT_S"] = "0"

import django

django.setup()

import psycopg  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402

from agents.principals import AgentPrincipal  # noqa: E402
from agents.queries import policy_rules  # noqa: E402
from audit.base.ids import new_id  # noqa: E402
from benchmarks.report import show, spread, whole  # noqa: E402
from tests.factories import make_agent  # noqa: E402
from tests.people import make_people  # noqa: E402
from tests.spending import ask_for, principal_of  # noqa: E402
from transactions.spending.services.spending import request_transaction  # noqa: E402

SIZES = [10_000, 100_000, 1_000_000]
SMALL, GROWN = "small", "grown"
AGENTS = 100
WARM_UP = 10
BATCH = 100_000
POLICY: dict[str, Any] = {
    "max_transaction_amount": "1000.00",
    "allowed_merchants": None,
    "requires_approval_above": None,
    "blocked_categories": [],
}
# The rows of one decision, from which the copies are made.
KEEP = """
CREATE TABLE old AS SELECT t, d, r, i, e
FROM transactions_transaction t
    JOIN transactions_decision d ON d.transaction_id = t.id
    JOIN transactions_reservation r ON r.transaction_id = t.id
    JOIN transactions_idempotencyrecord i ON i.agent_id = t.agent_id
    JOIN audit_auditevent e ON e.target_id = t.id
LIMIT 1
"""
# One row in each table that decisions add to, with its own keys and times; columns
# without an index are kept short.
FILL = """
CREATE TEMP TABLE new AS
SELECT lpad(n::text, 26, '0') AS id, a.id AS agent, now() - n * interval '1 s' AS at,
    now() - n * interval '1 ms' AS just_now
FROM generate_series({first}, {last}) n JOIN (
    SELECT id, row_number() OVER () - 1 AS place FROM agents_agent
) a ON a.place = n % {agents};
INSERT INTO transactions_transaction
SELECT row.* FROM new, old, jsonb_populate_record(t, jsonb_build_object(
    'id', 'txn_' || id, 'agent_id', agent, 'created_at', at, 'occurred_at', at)) row;
INSERT INTO transactions_decision
SELECT row.* FROM new, old, jsonb_populate_record(d, jsonb_build_object(
    'id', 'dec_' || id, 'transaction_id', 'txn_' || id, 'decided_at', at,
    'inputs', jsonb_build_object())) row;
INSERT INTO transactions_reservation
SELECT row.* FROM new, old, jsonb_populate_record(r, jsonb_build_object(
    'transaction_id', 'txn_' || id, 'created_at', at)) row;
INSERT INTO transactions_idempotencyrecord
    (agent_id, key, request_digest, status_code, response, created_at)
SELECT agent, id, (i).request_digest, (i).status_code, '', at FROM new, old;
INSERT INTO audit_auditevent
SELECT row.* FROM new, old, jsonb_populate_record(e, jsonb_build_object(
    'id', 'evt_' || id, 'actor_id', agent, 'target_id', 'txn_' || id,
    'occurred_at', just_now)) row;
DROP TABLE new
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one decision, in ms: wall time, CPU of this process, and time in psycopg."""

    wall: float
    cpu: float
    sql: float


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks growth")
    parser.add_argument(
        "--sizes", type=whole, nargs="+", default=SIZES, help=f"{SIZES}"
    )
    parser.add_argument("--rounds", type=whole, default=9, help="[9]")
    parser.add_argument("--decisions", type=whole, default=100, help="of a side [100]")
    options = parser.parse_args()
    callers = prepare(options.sizes[0])
    show(
        f"{'transactions':>14}{'decisions/s':>20}{'CPU ms':>26}{'SQL ms':>26}"
        f"{'wall of small':>26}{'CPU of small':>26}{'SQL of small':>26}"
    )
    filled = options.sizes[0]
    for size in options.sizes:
        fill(GROWN, filled + 1, size)
        filled = size
        pairs = [
            pair(callers, number, options.decisions) for number in range(options.rounds)
        ]
        show_costs(size, pairs)


def prepare(size: int) -> list[AgentPrincipal]:
    """Make the small database, fill it and copy it; return the agents of both."""
    run(None, f"CREATE DATABASE {SMALL}")
    use(SMALL)
    call_command("migrate", verbosity=0)
    people = make_people()
    agents = [
        make_agent(
            people.carol,
            acting=people.alice,
            name=f"agent {number}",
            mode="test",
            policy=POLICY,
        )
        for number in range(AGENTS)
    ]
    callers = [principal_of(agent) for agent in agents]
    decide(callers[0], "20.00")
    run(SMALL, KEEP)
    fill(SMALL, 1, size)
    leave()
    run(None, f"CREATE DATABASE {GROWN} TEMPLATE {SMALL}")
    return callers


def fill(name: str, first: int, last: int) -> None:
    """Add copies of a decision, numbered from first to last."""
    for start in range(first, last + 1, BATCH):
        end = min(start + BATCH - 1, last)
        run(name, FILL.format(first=start, last=end, agents=AGENTS))
    run(name, "VACUUM ANALYZE")


def pair(callers: list[AgentPrincipal], number: int, decisions: int) -> dict[str, Cost]:
    """Decide in both databases, alternating which is first."""
    order = (SMALL, GROWN) if number % 2 else (GROWN, SMALL)
    return {name: cost(name, callers, number, decisions) for name in order}


def cost(name: str, callers: list[AgentPrincipal], number: int, decisions: int) -> Cost:
    """Return the mean cost of one decision in a database, over several agents."""
    use(name)
    for one in range(WARM_UP):  # Connects, prepares, and fills the caches.
        decide(callers[-one], f"{30 + number}.11")
    with RoundTripTimer() as round_trips:
        wall, cpu = time.perf_counter(), time.process_time()
        for one in range(decisions):
            decide(callers[one % AGENTS], f"{20 + one // AGENTS}.{number:02}")
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Cost(*(1000 * s / decisions for s in (wall, cpu, round_trips.s)))


def decide(caller: AgentPrincipal, amount: str) -> None:
    """Request a transaction that the agent's policy allows."""
    request_transaction(ask_for(amount), acting=caller, idempotency_key=new_id("key"))


class RoundTripTimer:
    """Sums the time of psycopg's round trips."""

    def __init__(self) -> None:
        self.s = 0.0
        self._wait: Any = psycopg.Connection.wait

    def __enter__(self) -> RoundTripTimer:
        def wait(*arguments: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return self._wait(*arguments, **options)
            finally:
                self.s += time.perf_counter() - began

        psycopg.Connection.wait = wait  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        psycopg.Connection.wait = self._wait  # type: ignore[method-assign]


def show_costs(size: int, pairs: list[dict[str, Cost]]) -> None:
    grown = [pair[GROWN] for pair in pairs]
    ratios = [
        spread([getattr(p[GROWN], of) / getattr(p[SMALL], of) for p in pairs], ".2f")
        for of in ("wall", "cpu", "sql")
    ]
    show(
        f"{size:>14,}{spread([1000 / one.wall for one in grown], '.0f'):>20}"
        f"{spread([one.cpu for one in grown], '.2f'):>26}"
        f"{spread([one.sql for one in grown], '.2f'):>26}"
        + "".join(f"{ratio:>26}" for ratio in ratios)
    )


def use(name: str) -> None:
    """Connect Django to this database from now on."""
    leave()
    connections["default"].settings_dict["NAME"] = name
    policy_rules.cache_clear()


def leave() -> None:
    database: Any = connections["default"]
    database.close()
    database.close_pool()


def run(name: str | None, sql: str) -> None:
    """Execute statements as the owner, in a database, by default in `postgres`."""
    settings = connections["default"].settings_dict
    with psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"] or None,
        user=settings["USER"],
        password=settings["PASSWORD"],
        dbname=name or "postgres",
        autocommit=True,
    ) as connection:
        for statement in sql.split(";\n"):
            connection.execute(statement)


if __name__ == "__main__":
    main()
