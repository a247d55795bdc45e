"""What an agent asks for happens once, however often it is sent."""

from __future__ import annotations

from tests.access.routes import openapi_path
from tests.access.table import LET_IN, MACHINES, PERSONS, rows
from tests.declared import document

# Sent twice, it is refused: what was taken back does not wait any more.
ONCE_BY_ITSELF = {"api/v1/transactions/<str:transaction_id>/cancel/"}


def test_each_address_where_an_agent_changes_something_takes_an_idempotency_key():
    of_agents = {
        pattern
        for pattern, row in rows().items()
        if (who := LET_IN.get(row.who_may("POST") or "", frozenset())) >= MACHINES
        and not who >= PERSONS  # What answers anybody keeps nothing.
    }
    obligatory = {
        pattern
        for pattern in of_agents
        for parameter in document()["paths"][openapi_path(pattern)]["post"].get(
            "parameters", ()
        )
        if parameter["name"] == "Idempotency-Key" and parameter["required"]
    }

    assert len(of_agents) > 5
    assert of_agents - obligatory == ONCE_BY_ITSELF
