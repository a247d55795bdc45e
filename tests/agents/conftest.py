from __future__ import annotations

from typing import Any

import pytest

from agents.models import Agent
from agents.services.credentials import IssuedCredential
from tests.factories import make_agent, make_agent_token, make_credential


@pytest.fixture
def shopping(bob: Any, carol: Any) -> Agent:
    """Carol's agent with the specification's policy, made by bob."""
    return make_agent(carol, acting=bob)


@pytest.fixture
def credential(shopping: Agent, bob: Any) -> IssuedCredential:
    return make_credential(shopping, acting=bob)


@pytest.fixture
def agent_token(shopping: Agent, bob: Any) -> str:
    return make_agent_token(shopping, acting=bob)


@pytest.fixture(autouse=True)
def ample_limits(spacious_limits: None) -> None:
    """Limits are not what these tests are about."""
