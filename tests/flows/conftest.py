"""Clients with the real tokens of a seed-like agent and of its manager."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from tests.factories import make_agent, make_agent_token
from tests.flows.requests import ask_for_policy
from tests.transactions.hours import await_room_in_the_hour


@pytest.fixture(autouse=True)
def room_in_the_hour() -> None:
    await_room_in_the_hour()


@pytest.fixture
def shopper(agent, people, api) -> APIClient:
    """A client with the specification's agent's real token."""
    return api(token=make_agent_token(agent, acting=people.alice))


@pytest.fixture
def manager(bob, client_for) -> APIClient:
    return client_for(bob)


@pytest.fixture
def own(bob, alice):
    """A live agent of the manager's own, with the specification's policy."""
    return make_agent(bob, acting=alice)


@pytest.fixture
def asked(own, manager) -> str:
    """The id of a request by the manager to loosen the limits of his own agent."""
    return ask_for_policy(manager, own).json()["id"]
