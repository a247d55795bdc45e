"""Things that tests need, made through the services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import User
from agents.models import Agent, FunctionVersion, PolicyVersion
from agents.policy.core.draft import parse_terms
from agents.policy.core.terms import PolicyTerms
from agents.policy.services import put_in_force
from agents.services.agents import create_agent
from agents.services.credentials import (
    IssuedCredential,
    exchange_credential,
    issue_credential,
)
from agents.services.functions import register_function

# The specification's own example.
SEED_POLICY: Mapping[str, Any] = {
    "max_transaction_amount": "1000.00",
    "allowed_merchants": ["Amazon", "Walmart"],
    "blocked_categories": ["gambling", "adult"],
    "requires_approval_above": "500.00",
}

TRANSFER_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "iban": {"type": "string", "maxLength": 34},
        "amount": {"type": "number", "minimum": 0.01},
    },
    "required": ["iban", "amount"],
    "additionalProperties": False,
}


# What a policy says of the terms that the specification does not have.
SAID_BY_DEFAULT: Mapping[str, Any] = {
    "time_zone": "UTC",
    "new_merchant_requires_approval": False,
    "limits": [],
    "approval_levels": [],
    "approval_expires_after_minutes": 1440,
    "approval_escalates_after_minutes": None,
    "allowed_countries": None,
    "blocked_countries": [],
    "allowed_hours": None,
    "blocked_mcc_groups": [],
    "blocked_mccs": [],
}


def make_agent(
    owner: User,
    *,
    acting: User,
    name: str = "shopping",
    mode: str = Agent.Mode.LIVE,
    policy: Mapping[str, Any] | None = SEED_POLICY,
) -> Agent:
    """Make an agent with the example policy, with another one, or (None) without."""
    agent = create_agent(name, owner_id=owner.pk, mode=mode, acting=acting)
    if policy is not None:
        give_terms(agent, parse_terms(policy), acting=acting)
    agent.refresh_from_db()
    return agent


def give_terms(agent: Agent, terms: PolicyTerms, *, acting: User) -> PolicyVersion:
    """Put a policy in force that a person asked for, as once a second one agreed."""
    with transaction.atomic():
        locked = Agent.objects.select_for_update().get(pk=agent.pk)
        return put_in_force(locked, terms, author=acting, acting=acting)


def make_credential(agent: Agent, *, acting: User) -> IssuedCredential:
    """Issue a credential, whose secrets the test then knows."""
    return issue_credential(agent.pk, acting=acting)


def make_agent_token(agent: Agent, *, acting: User) -> str:
    """Return a real access token of a new credential."""
    credential = make_credential(agent, acting=acting)
    token = exchange_credential(credential.id, credential.client_secret)
    return token.access


def make_function(
    name: str = "transfer",
    *,
    acting: User,
    schema: Mapping[str, Any] = TRANSFER_SCHEMA,
    effect: str = FunctionVersion.Effect.SEND,
) -> FunctionVersion:
    """Register a function that moves money, or another one."""
    return register_function(name, schema=schema, effect=effect, acting=acting)
