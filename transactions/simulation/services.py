"""Try a draft policy on past requests; recorded in the audit log."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from agents.policy.core.policy import compile_rules
from agents.policy.core.terms import PolicyTerms
from agents.queries import agent_for
from audit.services.recording import record
from transactions.simulation.queries import SimulationResult, simulated_under

DAYS, DAYS_MAX = 30, 90
REQUESTS_MAX = 10_000


def simulate_policy(
    agent_id: str, terms: PolicyTerms, *, days: int = DAYS, acting: User
) -> SimulationResult:
    """Decide a visible agent's last days again under a draft; changes no policy.

    `days` is from 1 to DAYS_MAX. Reads at most the newest REQUESTS_MAX requests, and
    records the simulation in the audit log. Raises NotFound.
    """
    agent = agent_for(acting, agent_id)
    draft = compile_rules(terms, version_id="", number=0)
    simulated = simulated_under(agent, draft, days=days, requests_max=REQUESTS_MAX)
    with transaction.atomic(durable=True):
        record(
            "policy.simulated",
            target=("agent", agent.pk, agent.name),
            owner_id=agent.owner_id,
            details={
                "days": days,
                "requests": simulated.summary.judged,
                "flipped": simulated.summary.flipped,
            },
            actor=acting,
        )
    return simulated
