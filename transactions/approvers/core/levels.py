"""Rules for the people who approve: step-up, role, reminder and counting."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from agents.core.money import exponent_of
from agents.policy.core.approval_levels import next_role

# In the currency's major unit: 1,000.00 USD, 1,000 JPY.
STEP_UP_ABOVE = 1_000


def needs_step_up(amount_minor: int, currency: str) -> bool:
    """Return whether approving the amount needs a proof at most five minutes old."""
    return amount_minor > STEP_UP_ABOVE * int(10 ** exponent_of(currency))


def role_now(least: str, escalates_at: datetime | None, now: datetime) -> str:
    """Return the lowest role that may decide; after escalation the next higher one."""
    if escalates_at is None or now < escalates_at:
        return least
    return next_role(least) or least


def reminds_at(created_at: datetime, expires_at: datetime) -> datetime:
    """Return the instant at which a quarter of the time is left."""
    return expires_at - (expires_at - created_at) / 4


def count_people(votes: Iterable[frozenset[str]]) -> int:
    """Return how many different people the votes stand for.

    Each vote lists the voter and the delegator, if any. A person with two accounts, or
    one who voted and also delegated, is in several votes; votes that share a person
    count as one.
    """
    groups: list[frozenset[str]] = []
    for vote in votes:
        same = [group for group in groups if group & vote]
        groups = [group for group in groups if not group & vote]
        groups.append(vote.union(*same))
    return len(groups)
