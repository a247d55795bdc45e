"""What the terms of a policy say, as sentences that a person can check."""

from __future__ import annotations

from collections.abc import Sequence

from agents.core.money import format_amount
from agents.policy.core.approval_levels import BASE, ApprovalLevel
from agents.policy.core.hours import Hours
from agents.policy.core.hours_draft import spoken_hours
from agents.policy.core.limits import Limit, spoken_limit
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


def at_most(minor: int, currency: str) -> str:
    """Return what an upper limit says."""
    return f"At most {spoken_amount(minor, currency)}."


def approval(above_minor: int | None, currency: str) -> str:
    """Return what the amount that needs approval says."""
    if above_minor is None:
        return "On risk or doubt only; no amount by itself needs approval."
    return f"On anything above {spoken_amount(above_minor, currency)}."


def levels(ordered: Sequence[ApprovalLevel], currency: str) -> str:
    """Return who approves what."""
    said = [_people(BASE).capitalize()]
    for level in ordered:
        above = spoken_amount(level.above_minor, currency)
        said.append(f"above {above} {_people(level)}")
    return f"{'; '.join(said)}."


def _people(level: ApprovalLevel) -> str:
    count = "one person" if level.approvals == 1 else f"{level.approvals} people"
    return (
        f"{count} ({level.role} or higher)"
        if level.role == BASE.role
        else (f"{count} ({level.role})")
    )


def time_to_decide(expires: int, escalates: int | None) -> str:
    """Return how many minutes people have to decide."""
    expiry = f"Expires after {spoken_minutes(expires)}"
    if escalates is None:
        return f"{expiry}."
    return f"{expiry}; goes to the next higher role after {spoken_minutes(escalates)}."


def spoken_minutes(minutes: int) -> str:
    """Return a time in the largest unit that says it exactly: 24 hours, 90 minutes."""
    if minutes >= 2 * 1_440 and minutes % 1_440 == 0:
        return f"{minutes // 1_440} days"
    if minutes % 60 == 0:
        return "1 hour" if minutes == 60 else f"{minutes // 60} hours"
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def daily(minor: int | None, currency: str) -> str:
    """Return what the daily budget says."""
    return "No daily budget." if minor is None else at_most(minor, currency)


def hourly(requests: int | None) -> str:
    """Return what the number of requests in an hour says."""
    if requests is None:
        return "No limit of its own; the platform's request limits hold."
    return f"At most {requests:,} requests."


def limit(each: Limit, currency: str) -> str:
    """Return what a limit per period says."""
    parts = []
    if each.amount_minor is not None:
        parts.append(spoken_amount(each.amount_minor, currency))
    if each.count is not None:
        parts.append(f"{each.count:,} transactions")
    return f"At most {' and '.join(parts)} {spoken_limit(each)}."


def merchants(names: Sequence[str] | None) -> str:
    """Return what the list of merchants says."""
    if names is None:
        return "Any merchant."
    return listed(names) or "None: every purchase is denied."


def new_merchants(*, wait: bool) -> str:
    """Return what happens at an agent's first transaction at a merchant."""
    return "A human decides on the first transaction." if wait else "As any other."


def countries(allowed: Sequence[str] | None, blocked: Sequence[str]) -> str:
    """Return what the lists of countries say."""
    others = listed(blocked)
    if allowed == ():
        return "None: every purchase is denied."
    if allowed is not None:
        return f"{listed(allowed)}{f', but not {others}' if others else ''}."
    return f"Any but {others}." if others else "Any country."


def sellers(groups: Sequence[str], codes: Sequence[str]) -> str:
    """Return what the blocked kinds of sellers say."""
    names = [name.replace("_", " ") for name in groups]
    blocked = listed([*names, *codes])
    return f"Any but {blocked}." if blocked else "Any kind."


def hours(windows: Sequence[Hours] | None, time_zone: str) -> str:
    """Return what the allowed hours say."""
    if windows is None:
        return "At any time."
    if not windows:
        return "Never: every purchase is denied."
    return f"{'; '.join(spoken_hours(windows))} ({time_zone})."


def functions(names: Sequence[str] | None) -> str:
    """Return what the list of functions says."""
    if names is None:
        return "Any registered function that only reads."
    return listed(names) or "None: every call is denied."


def signature(*, required: bool) -> str:
    """Return whether requests are signed."""
    return "Unsigned requests are refused." if required else "Not required."


def listed(names: Sequence[str]) -> str:
    """Return names one after the other."""
    return ", ".join(names)
