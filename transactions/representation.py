"""A transaction as API consumers see it; one shape for create, read and replay."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext, override

from agents.core.money import format_amount
from transactions.core.reasons import MESSAGES
from transactions.core.risk import risk_level
from transactions.models import ApprovalRequest, Decision, Transaction

ENGLISH = "en"
_language: ContextVar[str] = ContextVar("reason_language", default=ENGLISH)


def transaction_body(
    transaction: Transaction,
    decision: Decision,
    approval: ApprovalRequest | None,
    *,
    policy_number: int | None,
) -> dict[str, Any]:
    """Return the JSON body of a transaction; no query, money as decimal strings."""
    return {
        "id": transaction.id,
        "object": "transaction",
        "agent": transaction.agent_id,
        "status": str(transaction.status),
        "outcome": str(decision.outcome),
        "amount": format_amount(transaction.amount_minor, transaction.currency),
        "currency": transaction.currency,
        "merchant": transaction.merchant,
        "category": transaction.category,
        "merchant_country": transaction.merchant_country or None,
        "mcc": transaction.mcc or None,
        "description": transaction.description,
        "metadata": transaction.metadata,
        "risk_score": _fraction(decision.risk_bp),
        "risk_level": None
        if decision.risk_bp is None
        else risk_level(decision.risk_bp),
        "risk_factors": {
            name: _fraction(value) for name, value in decision.risk_factors_bp.items()
        },
        "reasons": [
            {"code": finding["code"], "message": message_of(finding)}
            for finding in decision.findings
            if finding["outcome"] == decision.outcome
        ],
        "policy_version": policy_number,
        "approval": None if approval is None else approval_body(approval),
        "occurred_at": instant(transaction.occurred_at),
        "created_at": instant(transaction.created_at),
    }


def approval_body(approval: ApprovalRequest) -> dict[str, Any]:
    """Return the JSON body of an approval request."""
    return {
        "id": approval.id,
        "status": str(approval.status),
        "expires_at": instant(approval.expires_at),
        "required_approvals": approval.required_approvals,
    }


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
    return translated(template).format_map(values) if unchanged else stored


def instant(value: datetime) -> str:
    """Write an instant as RFC 3339 in UTC."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _fraction(basis_points: int | None) -> float | None:
    return None if basis_points is None else basis_points / 10_000
