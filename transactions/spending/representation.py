"""Transactions as API consumers see them."""

from __future__ import annotations

from typing import Any

from agents.core.money import format_amount
from audit.base.core.readers import rfc3339
from transactions.approvals.models import ApprovalRequest
from transactions.approvers.core.levels import count_people
from transactions.budgets.models import Reservation
from transactions.decisions.models import Decision
from transactions.decisions.wording import decisive_reasons, fraction
from transactions.money.models import Refund
from transactions.risk.core.score import risk_level
from transactions.spending.models import Transaction


def transaction_body(
    transaction: Transaction,
    decision: Decision,
    approval: ApprovalRequest | None,
    reservation: Reservation | None,
    *,
    policy_number: int | None,
    approvals_given: int = 0,
) -> dict[str, Any]:
    """Return the JSON body of a transaction, money as decimal strings. No queries."""
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
        "risk_score": fraction(decision.risk_bp),
        "risk_level": None
        if decision.risk_bp is None
        else risk_level(decision.risk_bp),
        "risk_factors": {
            name: fraction(value) for name, value in decision.risk_factors_bp.items()
        },
        "reasons": decisive_reasons(decision),
        "policy_version": policy_number,
        "approval": None
        if approval is None
        else approval_body(approval, given=approvals_given),
        "occurred_at": rfc3339(transaction.occurred_at),
        "created_at": rfc3339(transaction.created_at),
    }


def represent(transaction: Transaction) -> dict[str, Any]:
    """Return the body of a transaction loaded by transactions.queries.represented()."""
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


def _money(currency: str, reservation: Reservation | None) -> dict[str, str]:
    """Return the amounts still reserved, captured and refunded."""
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
        "created_at": rfc3339(refund.created_at),
    }


def approval_body(approval: ApprovalRequest, *, given: int) -> dict[str, Any]:
    """Return the JSON body of an approval request. No queries."""
    return {
        "id": approval.id,
        "status": str(approval.status),
        "expires_at": rfc3339(approval.expires_at),
        "required_approvals": approval.required_approvals,
        "approvals_given": given,
        "required_role": approval.required_role,
        "escalates_at": approval.escalates_at and rfc3339(approval.escalates_at),
    }


def approvals_given(approval: ApprovalRequest) -> int:
    """Return how many people have approved under the policy in force.

    Runs no query if the votes and `transaction.agent` are loaded (queries.with_votes).
    Does not check whether each of them still may approve: the next vote checks it, and
    the page of the request shows it.
    """
    version = approval.transaction.agent.policy_version_id
    votes = [vote for vote in approval.votes.all() if vote.policy_version_id == version]
    return count_people(
        frozenset({vote.person.human_id})
        if vote.delegation is None
        else frozenset({vote.person.human_id, vote.delegation.delegator.human_id})
        for vote in votes
    )
