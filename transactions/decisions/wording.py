"""Reasons and times as people and API consumers read them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext, override

from agents.core.limits import retold_limit
from audit.base.core.amounts import spoken_text
from audit.base.core.visible import visible
from transactions.decisions.core.reasons import MESSAGES, is_reason
from transactions.decisions.models import Decision

ENGLISH = "en"
_language: ContextVar[str] = ContextVar("reason_language", default=ENGLISH)


def decisive_reasons(decision: Decision) -> list[dict[str, str]]:
    """Return the findings that decided, in the language that is spoken now."""
    return [
        {"code": finding["code"], "message": message_of(finding)}
        for finding in decision.findings
        if is_reason(finding["code"], finding["outcome"], decision.outcome)
    ]


@contextlib.contextmanager
def speaking(language: str) -> Iterator[None]:
    """Tell reasons in a language within a block; what is stored stays English."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def translated(message: str) -> str:
    """Return one of core's messages in the language that is spoken now."""
    if _language.get() == ENGLISH:
        return message
    with override(_language.get()):
        return gettext(message)


def message_of(finding: Mapping[str, Any]) -> str:
    """Return a stored finding's message in the language that is spoken now.

    As it was stored, where its code's message has changed since.
    """
    stored: str = finding["message"]
    template, values = MESSAGES.get(finding["code"], ""), finding["values"]
    try:
        unchanged = template.format_map(values) == stored
    except KeyError:
        return stored
    if not unchanged:
        return stored
    told = {
        name: retold_limit(value, translated) if name == "period" else value
        for name, value in values.items()
    }
    return translated(template).format_map(told)


def spoken_finding(finding: Mapping[str, Any]) -> str:
    """Return a stored finding's message as people read it, all of it visible.

    Its amounts are written as everywhere: 7,500.00 USD.
    """
    message = message_of(finding)
    for value in map(str, finding["values"].values()):
        if (spoken := spoken_text(value)) != value:
            message = message.replace(value, spoken)
    return visible(message)


def instant(value: datetime) -> str:
    """Write an instant as RFC 3339 in UTC."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def fraction(basis_points: int | None) -> float | None:
    return None if basis_points is None else basis_points / 10_000
