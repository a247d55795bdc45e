"""A policy's limits as sentences that a person can check."""

from __future__ import annotations

from agents.core.money import format_amount
from agents.policy.core.approval_levels import BASE, ApprovalLevel
from agents.policy.core.limits import Limit, spoken_limit
from agents.policy.core.policy import PolicyTerms
from agents.policy.core.reach import spoken_hours
from audit.base.core.amounts import grouped


def spoken_amount(minor: int, currency: str) -> str:
    """Return an amount with thousands separated and its currency: 1,249.00 USD.

    For people only; the wire form is format_amount(). Raises MoneyError.
    """
    return f"{grouped_amount(minor, currency)} {currency}"


def grouped_amount(minor: int, currency: str) -> str:
    """Return an amount with thousands separated, without its currency."""
    sign = "-" if minor < 0 else ""
    return f"{sign}{grouped(format_amount(abs(minor), currency))}"


def policy_sentences(terms: PolicyTerms) -> tuple[tuple[str, str], ...]:
    """Return (subject, sentence) for every limit, those that are not set included."""
    return (
        ("Each transaction", _at_most(terms.max_transaction_amount_minor, terms)),
        ("A human decides", _approval(terms)),
        ("Approvals", _levels(terms)),
        ("Time to decide", _time_to_decide(terms)),
        (f"Each day ({terms.time_zone})", _daily(terms)),
        ("Each hour", _hourly(terms.max_transactions_per_hour)),
        *(("Limit", _limit(limit, terms)) for limit in terms.limits),
        ("Merchants", _merchants(terms.allowed_merchants)),
        ("Blocked categories", _listed(terms.blocked_categories) or "None."),
        ("Countries", _countries(terms)),
        ("Kinds of sellers (MCC)", _sellers(terms)),
        ("Hours", _hours(terms)),
        ("Functions", _functions(terms.allowed_functions)),
        ("Signature", _signature(required=terms.requires_signature)),
    )


def _at_most(minor: int, terms: PolicyTerms) -> str:
    return f"At most {spoken_amount(minor, terms.currency)}."


def _approval(terms: PolicyTerms) -> str:
    limit = terms.requires_approval_above_minor
    if limit is None:
        return "On risk or doubt only; no amount by itself needs approval."
    return f"On anything above {spoken_amount(limit, terms.currency)}."


def _levels(terms: PolicyTerms) -> str:
    said = [_people(BASE).capitalize()]
    for level in terms.approval_levels:
        above = spoken_amount(level.above_minor, terms.currency)
        said.append(f"above {above} {_people(level)}")
    return f"{'; '.join(said)}."


def _people(level: ApprovalLevel) -> str:
    count = "one person" if level.approvals == 1 else f"{level.approvals} people"
    return (
        f"{count} ({level.role} or higher)"
        if level.role == BASE.role
        else (f"{count} ({level.role})")
    )


def _time_to_decide(terms: PolicyTerms) -> str:
    expiry = f"Expires after {spoken_minutes(terms.approval_expires_after_minutes)}"
    minutes = terms.approval_escalates_after_minutes
    if minutes is None:
        return f"{expiry}."
    return f"{expiry}; goes to the next higher role after {spoken_minutes(minutes)}."


def spoken_minutes(minutes: int) -> str:
    """Return a time in the largest unit that says it exactly: 24 hours, 90 minutes."""
    if minutes >= 2 * 1_440 and minutes % 1_440 == 0:
        return f"{minutes // 1_440} days"
    if minutes % 60 == 0:
        return "1 hour" if minutes == 60 else f"{minutes // 60} hours"
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def _daily(terms: PolicyTerms) -> str:
    limit = terms.daily_budget_minor
    return "No daily budget." if limit is None else _at_most(limit, terms)


def _hourly(limit: int | None) -> str:
    if limit is None:
        return "No limit of its own; the platform's request limits hold."
    return f"At most {limit:,} requests."


def _limit(limit: Limit, terms: PolicyTerms) -> str:
    parts = []
    if limit.amount_minor is not None:
        parts.append(spoken_amount(limit.amount_minor, terms.currency))
    if limit.count is not None:
        parts.append(f"{limit.count:,} transactions")
    return f"At most {' and '.join(parts)} {spoken_limit(limit)}."


def _merchants(names: tuple[str, ...] | None) -> str:
    if names is None:
        return "Any merchant."
    return _listed(names) or "None: every purchase is denied."


def _countries(terms: PolicyTerms) -> str:
    allowed, blocked = terms.allowed_countries, _listed(terms.blocked_countries)
    if allowed == ():
        return "None: every purchase is denied."
    if allowed is not None:
        return f"{_listed(allowed)}{f', but not {blocked}' if blocked else ''}."
    return f"Any but {blocked}." if blocked else "Any country."


def _sellers(terms: PolicyTerms) -> str:
    groups = _listed(tuple(name.replace("_", " ") for name in terms.blocked_mcc_groups))
    blocked = ", ".join(filter(None, (groups, _listed(terms.blocked_mccs))))
    return f"Any but {blocked}." if blocked else "Any kind."


def _hours(terms: PolicyTerms) -> str:
    if terms.allowed_hours is None:
        return "At any time."
    if not terms.allowed_hours:
        return "Never: every purchase is denied."
    return f"{'; '.join(spoken_hours(terms.allowed_hours))} ({terms.time_zone})."


def _functions(names: tuple[str, ...] | None) -> str:
    if names is None:
        return "Any registered function that only reads."
    return _listed(names) or "None: every call is denied."


def _signature(*, required: bool) -> str:
    return "Unsigned requests are refused." if required else "Not required."


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)
