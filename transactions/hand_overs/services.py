"""Hand an agent over to another owner; shows the shared budgets that change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.models import User
from agents.core.money import format_amount
from agents.models import Agent
from agents.services.hand_overs import hand_over
from security.changes.models import ChangeRequest
from security.step_up import takes_proof
from transactions.budgets.models import SharedBudget
from transactions.budgets.queries.budgets import budgets_of_team


@takes_proof
def hand_over_agent(
    agent_id: str, *, owner_id: str, reason: str, acting: User
) -> Agent | ChangeRequest:
    """Ask a second person to approve another owner for an agent; see hand_over().

    Later spending counts in the budgets of the new owner's team. Needs a recent step-up
    proof. Raises StepUpRequired and the errors of hand_over().
    """
    return hand_over(
        agent_id,
        owner_id=owner_id,
        reason=reason,
        consequences=_budgets,
        acting=acting,
    )


def _budgets(agent: Agent, owner: User) -> Mapping[str, Any]:
    """Return the shared budgets that a live agent leaves, and those that it joins."""
    if agent.mode != Agent.Mode.LIVE or agent.owner.team_id == owner.team_id:
        return {}
    return {
        "shared_budgets": {
            "removed": [_text(each) for each in budgets_of_team(agent.owner.team_id)],
            "added": [_text(each) for each in budgets_of_team(owner.team_id)],
        }
    }


def _text(budget: SharedBudget) -> str:
    limit = format_amount(budget.limit_minor, budget.currency)
    return f"{budget}: {limit} {budget.currency}"
