"""An agent whose money is counted, and a transaction of its."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from agents.models import Agent
from tests.flows.requests import URL
from tests.people import People, make_person
from tests.spending import spend
from tests.transactions.hours import await_room_in_the_hour
from tests.transactions.moving import act
from transactions.money.services.late_captures import report_late_capture


@pytest.fixture(autouse=True)
def room_in_the_hour() -> None:
    await_room_in_the_hour()


@pytest.fixture
def limited(agent: Agent, give_policy: Any) -> Agent:
    """The specification's agent with a limit for a day, so that budgets are kept."""
    return give_policy(agent, daily_budget="1000.00")


@pytest.fixture
def asked(limited: Agent) -> str:
    """An authorized transaction of 100.00 USD."""
    return spend(limited, "100.00").body["id"]


@pytest.fixture
def frank(people: People) -> User:
    """A second manager of team North, who made nothing."""
    return make_person("frank", "manager", team=people.north)


@pytest.fixture
def heir(people: People) -> User:
    """A user of team North, as carol is."""
    return make_person("heir", team=people.north)


@pytest.fixture
def pair(people: People, frank: User) -> tuple[User, User]:
    """The requester of what takes two people, and the second person."""
    return people.bob, frank


@pytest.fixture
def admins(people: People) -> tuple[User, User]:
    """The administrator who asks for looser limits, and another one who agrees."""
    return people.alice, make_person("grace", User.Role.ADMIN)


@pytest.fixture
def taken(limited: Agent, asked: str, people: People) -> str:
    """A voided transaction of which 60.00 of the 100.00 were taken late."""
    act(limited, "void", asked)
    report_late_capture(asked, amount="60.00", reference="a", acting=people.bob)
    return asked


@pytest.fixture
def receipt_for(client_for: Any, people: Any) -> Any:
    """Fetches a receipt as the manager; returns the answer."""
    manager = client_for(people.bob)
    return lambda body: manager.get(f"{URL}{body['id']}/receipt/")
