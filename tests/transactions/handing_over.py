"""Short ways to hand an agent over."""

from __future__ import annotations

from django.utils import timezone

from security.changes.services import approve_change
from transactions.hand_overs.services import hand_over_agent

WHY = "She left."


def ask(agent, owner, person, reason=WHY):
    """Ask for another owner, by a fresh proof."""
    person.authenticated_at = timezone.now()
    return hand_over_agent(agent.pk, owner_id=owner.pk, reason=reason, acting=person)


def hand_over(agent, owner, *, people):
    """Hand over, asked by one person and agreed to by the other."""
    asker, other = people
    change = ask(agent, owner, asker)
    other.authenticated_at = timezone.now()
    approve_change(change.pk, acting=other)
    agent.refresh_from_db()
    return agent
