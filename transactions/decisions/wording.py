"""Reasons and times as people and API consumers read them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from django.utils.translation import gettext, override

from agents.policy.core.limits import translate_limit
from audit.base.core.amounts import spoken_text
from audit.base.core.visible import visible
from transactions.decisions.core.reasons import MESSAGES, is_reason
from transactions.decisions.models import Decision

ENGLISH = "en"
_language: ContextVar[str] = ContextVar("reason_language", default=ENGLISH)


def decisive_reasons(decision: Decision) -> list[dict[str, str]]:
    """Return the findings behind the outcome, in the active reason language."""
    return [
        {"code": finding["code"], "message": message_of(finding)}
        for finding in decision.findings
        if is_reason(finding["code"], finding["outcome"], decision.outcome)
    ]


@contextlib.contextmanager
def reason_language(language: str) -> Iterator[None]:
    """Translate reason messages within the block; stored messages stay English."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def translated(message: str) -> str:
    """Return a message of the core in the active reason language."""
    if _language.get() == ENGLISH:
        return message
    with override(_language.get()):
        return gettext(message)


def message_of(finding: Mapping[str, Any]) -> str:
    """Return a stored finding's message in the active reason language.

    Returns it as stored if its code's message has changed since.
    """
    stored: str = finding["message"]
    template, values = MESSAGES.get(finding["code"], ""), finding["values"]
    try:
        unchanged = template.format_map(values) == stored
    except KeyError:
        return stored
    if not unchanged:
        return stored
    translated_values = {
        name: translate_limit(value, translated) if name == "period" else value
        for name, value in values.items()
    }
    return translated(template).format_map(translated_values)


def spoken_finding(finding: Mapping[str, Any]) -> str:
    """Return a stored finding's message for people: no invisible characters.

    Amounts are formatted as on all pages, such as 7,500.00 USD.
    """
    message = message_of(finding)
    for value in map(str, finding["values"].values()):
        if (spoken := spoken_text(value)) != value:
            message = message.replace(value, spoken)
    return visible(message)


def fraction(basis_points: int | None) -> float | None:
    return None if basis_points is None else basis_points / 10_000
