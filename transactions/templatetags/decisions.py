"""Template filters for verdicts, risk and audit events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import template

from agents.policy.core.words import spoken_amount
from security.alerts.core.thresholds import spoken_risk
from transactions.budgets.queries.budgets import Level
from transactions.decisions.core.reasons import is_reason
from transactions.decisions.models import Decision
from transactions.decisions.wording import spoken_finding
from transactions.risk.core.score import risk_level

register = template.Library()

_MEANINGS = {
    "amount": "How far above this agent's usual amounts",
    "merchant": "How unfamiliar the merchant is to this agent",
    "velocity": "How busy its last hour was",
    "pattern": "Odd hour, repetition, stopping just under a limit",
}
_EVENTS = {
    "transaction.requested": ("Requested by the agent", ""),
    "transaction.decided": ("Decided by the rules", ""),
    "transaction.canceled": ("Canceled", ""),
    "transaction.expired": ("Transaction expired", "deny"),
    "transaction.captured": ("Money taken", "allow"),
    "transaction.capture_refused": ("Taking money was refused", "deny"),
    "transaction.captured_late": ("Taken late by the payment rail", "deny"),
    "transaction.late_capture_reversed": ("Late capture taken back as wrong", ""),
    "transaction.voided": ("Given back", ""),
    "transaction.incremented": ("More set aside", "allow"),
    "transaction.increment_refused": ("Setting more aside was refused", "deny"),
    "transaction.refunded": ("Refunded by the merchant", ""),
    "approval.requested": ("Put to a human", "hold"),
    "approval.viewed": ("Opened for review", ""),
    "approval.voted": ("Approved; others must approve, too", "allow"),
    "approval.approved": ("Approved", "allow"),
    "approval.escalated": ("Nobody decided: now for a higher role", "hold"),
    "approval.denied": ("Denied", "deny"),
    "approval.refused": ("Approval refused by the rules in force", "deny"),
    "approval.expired": ("Nobody decided in time: not approved", "deny"),
}

# Logged with the requesting agent as actor, but done by the rules.
_BY_RULES = frozenset({"transaction.decided", "approval.requested"})


@dataclass(frozen=True, slots=True)
class Bar:
    """The bar of one risk factor."""

    name: str
    meaning: str
    basis_points: int
    level: str


@register.filter
def score(basis_points: int | None) -> str:
    """Format basis points as a score such as 0.6150, or "unknown"."""
    return "unknown" if basis_points is None else spoken_risk(basis_points)


@register.filter
def level(basis_points: int | None) -> str:
    """Return the level of a score; an unknown one counts as elevated."""
    return "elevated" if basis_points is None else risk_level(basis_points)


@register.filter
def bars(decision: Decision) -> list[Bar]:
    """Return the four factors of a decision in their fixed order."""
    factors: Mapping[str, int] = decision.risk_factors_bp
    return [
        Bar(name, meaning, factors[name], risk_level(factors[name]))
        for name, meaning in _MEANINGS.items()
        if name in factors
    ]


@register.filter
def causes(decision: Decision) -> list[Mapping[str, Any]]:
    """Return the findings that caused the outcome, and notes."""
    return [
        finding
        for finding in decision.findings
        if is_reason(finding["code"], finding["outcome"], decision.outcome)
    ]


@register.filter
def finding_text(finding: Mapping[str, Any]) -> str:
    """Return a finding's message in the reader's language, all characters visible."""
    return spoken_finding(finding)


@register.filter
def draft_finding_text(finding: Mapping[str, Any]) -> str:
    """Return the message of a draft's finding; the draft is not in force."""
    if finding["code"] == "allowed_by_policy":
        return "Every check passed under the draft."
    return finding_text(finding)


@register.filter
def gives_orders(decision: Decision) -> bool:
    """Return whether the description was found to read like an instruction."""
    return any(f["code"] == "description_suspicious" for f in decision.findings)


@register.filter
def in_words(value: str) -> str:
    """Format a code for people: pending_approval becomes Pending approval."""
    return value.replace("_", " ").replace(".", " ").capitalize()


@register.filter
def event_words(action: str) -> str:
    """Return the description of an audited action."""
    return _EVENTS.get(action, (in_words(action), ""))[0]


@register.filter
def is_by_rules(action: str) -> bool:
    """Return whether the rules did it, not the recorded actor."""
    return action in _BY_RULES


@register.filter
def event_mood(action: str) -> str:
    """Return the colour of an event's dot: allow, hold, deny or none."""
    return _EVENTS.get(action, ("", ""))[1]


@register.filter
def amount_or_count(value: int, level: Level) -> str:
    """Format a figure of a limit: an amount, or a number of transactions."""
    if level.currency:
        return spoken_amount(value, level.currency)
    return f"{value:,} transaction{'' if value == 1 else 's'}"
