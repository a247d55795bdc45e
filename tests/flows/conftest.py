"""Clients with the real tokens of a seed-like agent and of its manager."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from tests.factories import make_agent_token


@pytest.fixture
def shopper(agent, people, api) -> APIClient:
    """A client with the seed's agent's real token."""
    return api(token=make_agent_token(agent, acting=people.alice))


@pytest.fixture
def manager(bob, client_for) -> APIClient:
    return client_for(bob)
