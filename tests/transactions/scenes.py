"""What pages need to show: an agent of carol's and what it asked for."""

from __future__ import annotations

from typing import Any

from agents.models import Agent
from agents.principals import AgentPrincipal
from audit.base.context import acting_as
from tests.factories import SEED_POLICY, make_agent
from tests.people import People
from tests.spending import credential_of
from transactions.approvals.models import ApprovalRequest
from transactions.spending.models import Transaction
from transactions.spending.services.asking import Ask
from transactions.spending.services.spending import request_transaction

AGENT_ADDRESS = "198.51.100.9"


def principal_of(agent: Agent) -> AgentPrincipal:
    """Return the agent as a caller that has proved who it is."""
    return AgentPrincipal(
        principal_id=agent.pk,
        owner_id=agent.owner_id,
        label=agent.name,
        mode=agent.mode,
        credential_id=credential_of(agent).pk,
        authenticated_at=None,
    )


def ask(agent: Agent, key: str = "key-1", **body: Any) -> Transaction:
    """Ask to spend, 749.00 USD at Amazon by default: a hold."""
    values = {
        "amount": "749.00",
        "currency": None,
        "merchant": "Amazon",
        "category": "electronics",
        "description": "Headphones for the support team",
    }
    caller = principal_of(agent)
    with acting_as(caller, address=AGENT_ADDRESS):
        answer = request_transaction(
            Ask(**values | body), acting=caller, idempotency_key=key
        )
    return Transaction.objects.get(pk=answer.body["id"])


def held(people: People, **body: Any) -> ApprovalRequest:
    """Return the approval request of a held transaction of carol's agent."""
    agent = make_agent(people.carol, acting=people.alice, name="Shopping assistant")
    return ApprovalRequest.objects.get(transaction=ask(agent, **body))


OPEN_POLICY = {
    **SEED_POLICY,
    "allowed_merchants": None,
    "daily_budget": "3000.00",
    "max_transactions_per_hour": 50,
}
