"""The SQL of one decision exactly as the product sends it.

    manage.py shell -c "from benchmarks import recorded; recorded.main()"

prints it as a JSON list, for a database that `demo_data` has filled. Recorded anew in
each run, so that the floor cannot drift from the product.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from django.db import connection

from agents.models import Agent
from agents.principals import AgentPrincipal
from audit.context import acting_as
from audit.ids import new_id
from benchmarks.endpoint import USER_AGENT
from transactions.services import Ask, request_transaction

# Until the agent has a history: its counters exist, and its own mean counts.
BEFORE = 8


def main() -> None:
    """Print the statements between BEGIN and COMMIT of one decision."""
    agent = Agent.objects.get(name="shopping")
    for number in range(BEFORE):
        _decide(agent, f"{20 + number}.99")
    statements: list[str] = []

    def keep(
        execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any
    ) -> Any:
        cursor = context["cursor"]
        sent = connection.ops.last_executed_query(cursor, sql, parameters)
        statements.append(sent)
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(keep):
        outcome = _decide(agent, "49.99")
    if outcome != "allow":
        sys.exit(f"The decision to record was no allow but a {outcome}.")
    json.dump(statements, sys.stdout)


def _decide(agent: Agent, amount: str) -> str:
    """Ask for one transaction as over HTTP, and return the outcome."""
    principal = AgentPrincipal(
        principal_id=agent.pk,
        owner_id=agent.owner_id,
        label=agent.name,
        mode=agent.mode,
        credential_id=new_id("crd"),
        authenticated_at=None,
        policy_version_id=agent.policy_version_id,
    )
    request_id = new_id("req").partition("_")[2]
    ask = Ask(amount=amount, currency="USD", merchant="Amazon", category="electronics")
    with acting_as(
        principal, address="127.0.0.1", user_agent=USER_AGENT, request_id=request_id
    ):
        answer = request_transaction(
            ask, acting=principal, idempotency_key=new_id("key")
        )
    return str(answer.body["outcome"])
