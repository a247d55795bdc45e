"""An agent whose money is counted, and a transaction of its."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import Agent
from tests.flows.requests import URL
from tests.spending import spend
from tests.transactions.hours import await_room_in_the_hour


@pytest.fixture(autouse=True)
def room_in_the_hour() -> None:
    await_room_in_the_hour()


@pytest.fixture
def limited(agent: Agent, give_policy: Any) -> Agent:
    """The seed's agent with a limit for a day, so that budgets are kept."""
    return give_policy(agent, daily_budget="1000.00")


@pytest.fixture
def asked(limited: Agent) -> str:
    """An authorized transaction of 100.00 USD."""
    return spend(limited, "100.00").body["id"]


@pytest.fixture
def receipt_for(client_for: Any, people: Any) -> Any:
    """Fetches a receipt as the manager; returns the answer."""
    manager = client_for(people.bob)
    return lambda body: manager.get(f"{URL}{body['id']}/receipt/")
