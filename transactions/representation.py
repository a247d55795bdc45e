"""Transactions and calls as API consumers see them: created, read or told again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext, override

from agents.core.limits import retold_limit
from agents.core.money import format_amount
from audit.base.core.amounts import spoken_text
from audit.base.core.visible import visible
from transactions.core.approvals import count_people
from transactions.core.reasons import MESSAGES, is_reason
from transactions.core.risk import risk_level
from transactions.models import (
    ApprovalRequest,
    Decision,
    FunctionCall,
    Refund,
    Reservation,
    Transaction,
)

ENGLISH = "en"
_language: ContextVar[str] = ContextVar("reason_language", default=ENGLISH)


def transaction_body(
    transaction: Transaction,
    decision: Decision,
    approval: ApprovalRequest | None,
    reservation: Reservation | None,
    *,
    policy_number: int | None,
    approvals_given: int = 0,
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
        **_money(transaction.currency, reservation),
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
        "reasons": _reasons(decision),
        "policy_version": policy_number,
        "approval": None
        if approval is None
        else approval_body(approval, given=approvals_given),
        "occurred_at": instant(transaction.occurred_at),
        "created_at": instant(transaction.created_at),
    }


def represent(transaction: Transaction) -> dict[str, Any]:
    """Return the body of a transaction that came from transactions.queries."""
    decision = transaction.decision
    version = decision.policy_version
    approval = getattr(transaction, "approval", None)
    if approval is not None:
        approval.transaction = transaction
    return transaction_body(
        transaction,
        decision,
        approval,
        getattr(transaction, "reservation", None),
        policy_number=version.number if version else None,
        approvals_given=approvals_given(approval) if approval else 0,
    )


def call_body(
    call: FunctionCall,
    decision: Decision,
    *,
    function_number: int | None,
    policy_number: int | None,
) -> dict[str, Any]:
    """Return the JSON body of a function call; no query, nothing of its parameters."""
    return {
        "id": call.id,
        "object": "function_call",
        "agent": call.agent_id,
        "function": call.function,
        "function_version": function_number,
        "status": str(call.status),
        "outcome": str(decision.outcome),
        "reasons": _reasons(decision),
        "policy_version": policy_number,
        "created_at": instant(call.created_at),
    }


def represent_call(call: FunctionCall) -> dict[str, Any]:
    """Return the body of a call that came from queries.represented_calls()."""
    version, policy = call.function_version, call.decision.policy_version
    return call_body(
        call,
        call.decision,
        function_number=version.number if version else None,
        policy_number=policy.number if policy else None,
    )


def _reasons(decision: Decision) -> list[dict[str, str]]:
    """Return the findings that decided, in the language that is spoken now."""
    return [
        {"code": finding["code"], "message": message_of(finding)}
        for finding in decision.findings
        if is_reason(finding["code"], finding["outcome"], decision.outcome)
    ]


def _money(currency: str, reservation: Reservation | None) -> dict[str, str]:
    """Return what is still set aside, what was taken and what came back."""
    return {
        f"{name}_amount": format_amount(minor, currency)
        for name, minor in (
            ("reserved", reservation.outstanding_minor if reservation else 0),
            ("captured", reservation.taken_minor if reservation else 0),
            ("refunded", reservation.refunded_minor if reservation else 0),
        )
    }


def refund_body(refund: Refund) -> dict[str, Any]:
    """Return the JSON body of a refund."""
    currency = refund.transaction.currency
    return {
        "id": refund.id,
        "object": "refund",
        "transaction": refund.transaction_id,
        "amount": format_amount(refund.amount_minor, currency),
        "currency": currency,
        "reason": refund.reason,
        "created_at": instant(refund.created_at),
    }


def approval_body(approval: ApprovalRequest, *, given: int) -> dict[str, Any]:
    """Return the JSON body of an approval request; no query."""
    return {
        "id": approval.id,
        "status": str(approval.status),
        "expires_at": instant(approval.expires_at),
        "required_approvals": approval.required_approvals,
        "approvals_given": given,
        "required_role": approval.required_role,
        "escalates_at": approval.escalates_at and instant(approval.escalates_at),
    }


def approvals_given(approval: ApprovalRequest) -> int:
    """Return how many people agreed under the policy in force.

    No query with the votes and `transaction.agent` at hand (queries.with_votes).
    Whether each of them still may is found out at the next word, and shown on the
    page of the one request.
    """
    version = approval.transaction.agent.policy_version_id
    votes = [vote for vote in approval.votes.all() if vote.policy_version_id == version]
    return count_people(
        frozenset({vote.person.human_id})
        if vote.delegation is None
        else frozenset({vote.person.human_id, vote.delegation.delegator.human_id})
        for vote in votes
    )


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


def _fraction(basis_points: int | None) -> float | None:
    return None if basis_points is None else basis_points / 10_000
