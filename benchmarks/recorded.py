"""`manage.py shell -c "from benchmarks import recorded"`: the SQL of one decision.

Prints the statements between BEGIN and COMMIT as a JSON list, exactly as the product
sends them. Needs a database that `demo_data` has filled.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from django.db import connection

from agents.models import Agent
from audit.base.ids import new_id
from tests.spending import spend

# Enough that the agent's counters exist and its own mean is used.
HISTORY = [f"{20 + number}.99" for number in range(8)]


def record() -> list[str]:
    """Decide on one request that is allowed, and return the SQL statements."""
    statements: list[str] = []

    def keep(
        execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any
    ) -> Any:
        result = execute(sql, parameters, many, context)
        sent = connection.ops.last_executed_query(context["cursor"], sql, parameters)
        statements.append(sent)
        return result

    agent = Agent.objects.get(name="shopping")
    for amount in HISTORY:
        spend(agent, amount)
    with connection.execute_wrapper(keep):
        outcome = spend(agent, key=new_id("key")).body["outcome"]
    if outcome != "allow":
        sys.exit(f"The decision to record is {outcome}, not allow.")
    return statements


json.dump(record(), sys.stdout)
