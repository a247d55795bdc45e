"""A policy's limits as sentences that a person can check."""

from __future__ import annotations

from agents.core.limits import Limit, spoken_limit
from agents.core.money import format_amount
from agents.core.policy import PolicyTerms


def spoken_amount(minor: int, currency: str) -> str:
    """Return an amount with thousands separated and its currency: 1,249.00 USD.

    For people only; the wire form is format_amount(). Raises MoneyError.
    """
    return f"{grouped_amount(minor, currency)} {currency}"


def grouped_amount(minor: int, currency: str) -> str:
    """Return an amount with thousands separated, without its currency."""
    whole, point, decimals = format_amount(abs(minor), currency).partition(".")
    sign = "-" if minor < 0 else ""
    return f"{sign}{int(whole):,}{point}{decimals}"


def policy_sentences(terms: PolicyTerms) -> tuple[tuple[str, str], ...]:
    """Return (subject, sentence) for every limit, those that are not set included."""
    return (
        ("Each transaction", _at_most(terms.max_transaction_amount_minor, terms)),
        ("A human decides", _approval(terms)),
        (f"Each day ({terms.time_zone})", _daily(terms)),
        ("Each hour", _hourly(terms.max_transactions_per_hour)),
        *(("Limit", _limit(limit, terms)) for limit in terms.limits),
        ("Merchants", _merchants(terms.allowed_merchants)),
        ("Blocked categories", _listed(terms.blocked_categories) or "None."),
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


def _functions(names: tuple[str, ...] | None) -> str:
    if names is None:
        return "Any registered function."
    return _listed(names) or "None: every call is denied."


def _signature(*, required: bool) -> str:
    return "Unsigned requests are refused." if required else "Not required."


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)
