"""What a decision costs in round trips."""

from __future__ import annotations

from functools import partial

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Agent
from agents.queries import policy_rules
from audit.models import AuditEvent
from tests.factories import make_agent_token
from tests.spending import spend
from transactions.spending.models import Transaction


def statements(captured: CaptureQueriesContext) -> tuple[list[str], list[str]]:
    """Return the statements before the decision's transaction, and those in it.

    The test's own transaction surrounds it, so BEGIN and COMMIT are savepoints.
    """
    before, inside, depth = [], [], 0
    for query in captured.captured_queries:
        sql = query["sql"]
        if sql.startswith("SAVEPOINT"):
            depth += 1
        elif sql.startswith("RELEASE SAVEPOINT"):
            depth -= 1
        else:
            (inside if depth else before).append(sql)
    return before, inside


def create(client, key, amount="49.99"):
    body = {"amount": amount, "merchant": "Amazon", "category": "electronics"}
    return client.post("/api/v1/transactions/", body, headers={"Idempotency-Key": key})


def calls_during(act) -> list[str]:
    """Return the commands that Valkey's clients sent during act()."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    bystander = redis.Redis.from_url(settings.REDIS_URL)
    bystander.ping()  # Connected, so that it says nothing more than the end.
    with client, bystander, client.monitor() as monitor:
        own = client.connection_pool.connection_kwargs["db"]
        act()
        bystander.echo("the end")
        commands = []
        for entry in monitor.listen():
            if entry["db"] != own:
                continue
            if entry["command"].endswith("the end"):
                return commands
            if entry["client_type"] != "lua":  # What the script does inside.
                commands.append(entry["command"].split()[0].upper())
    raise AssertionError


def test_a_decision_costs_three_statements_and_one_valkey_call(
    agent, people, api, give_policy, spacious_limits
):
    client = api(token=make_agent_token(agent, acting=people.alice))
    create(client, "warm")  # Valkey learns the script.

    for amount, is_cold in (("50.01", False), ("50.02", True)):
        if is_cold:
            give_policy(agent, max_transactions_per_hour=500)
        with CaptureQueriesContext(connection) as captured:
            calls = calls_during(partial(create, client, f"key-{amount}", amount))

        before, inside = statements(captured)
        assert len(inside) == 3, inside
        assert "FOR UPDATE" in inside[0]
        assert inside[1].lstrip().startswith("SELECT")
        assert inside[2].startswith("WITH")
        # Authentication, and the policy of which authentication was the first to know.
        assert len(before) == (2 if is_cold else 1), before
        assert calls == ["EVALSHA"]
    assert Transaction.objects.count() == 3


@pytest.mark.parametrize("amount", ["49.99", "750.00", "1000.01"])
def test_every_outcome_costs_the_same(agent, amount):
    spend(agent, "1.00")

    with CaptureQueriesContext(connection) as captured:
        spend(agent, amount)

    assert len(statements(captured)[1]) == 3


def test_a_policy_that_changed_since_authentication_costs_one_more(agent):
    spend(agent, "1.00")
    policy_rules.cache_clear()
    stale = Agent.objects.get(pk=agent.pk)
    stale.policy_version_id = None

    with CaptureQueriesContext(connection) as captured:
        body = spend(stale).body

    assert body["outcome"] == "allow"
    assert len(statements(captured)[1]) == 4


def test_a_replay_writes_nothing(agent):
    spend(agent, key="k")
    events = AuditEvent.objects.count()

    with CaptureQueriesContext(connection) as captured:
        spend(agent, key="k")

    assert len(statements(captured)[1]) == 2
    assert AuditEvent.objects.count() == events
