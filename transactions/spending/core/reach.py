"""Checks of category, country, merchant category code and hour.

A missing value could be one that the policy blocks, so it is denied.
"""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from agents.policy.core.hours import is_within
from agents.policy.core.policy import PolicyRules
from transactions.decisions.core.facts import Facts, SpendingRequest
from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.reasons import Finding

ALLOW, DENY = Outcome.ALLOW, Outcome.DENY


def category_findings(
    request: SpendingRequest, policy: PolicyRules
) -> Iterator[Finding]:
    """Check the category against the blocked ones; an unknown one could be any."""
    if request.category in policy.blocked_categories:
        values = {"category": request.category}
        yield Finding("merchant", "category_blocked", DENY, values)
    if not request.category and policy.blocked_categories:
        yield Finding("merchant", "category_missing", DENY)
    if request.unknown_category:
        values = {"category": ascii(request.unknown_category)[1:-1]}
        if policy.depends_on_category:
            yield Finding("merchant", "category_unknown", DENY, values)
        else:
            yield Finding("merchant", "category_taken_as_other", ALLOW, values)


def country_findings(
    request: SpendingRequest, policy: PolicyRules
) -> Iterator[Finding]:
    """Check the merchant's country against the allowed and the blocked ones."""
    allowed, country = policy.allowed_countries, request.merchant_country
    if allowed is None and not policy.blocked_countries:
        return
    if not country:
        yield Finding("merchant", "country_missing", DENY)
        return
    values = {"country": country}
    if allowed is not None and country not in allowed:
        yield Finding("merchant", "country_not_allowed", DENY, values)
    if country in policy.blocked_countries:
        yield Finding("merchant", "country_blocked", DENY, values)


def mcc_findings(request: SpendingRequest, policy: PolicyRules) -> Iterator[Finding]:
    """Check the merchant category code against the blocked ones."""
    if not policy.blocked_codes:
        return
    if not request.mcc:
        yield Finding("merchant", "mcc_missing", DENY)
    elif request.mcc in policy.blocked_codes:
        yield Finding("merchant", "mcc_blocked", DENY, {"mcc": request.mcc})


def hours_findings(facts: Facts, policy: PolicyRules) -> Iterator[Finding]:
    """Check the decision's clock against the allowed hours (policy's time zone)."""
    hours, zone = policy.allowed_hours, policy.time_zone
    if hours is None or is_within(hours, zone, facts.now):
        return
    local = facts.now.astimezone(ZoneInfo(zone))
    values = {"time": f"{local:%a %H:%M}", "zone": zone}
    yield Finding("frequency", "outside_hours", DENY, values)
