"""What the payment rail took after the money was given back: noted, never refused."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction

from accounts.models import User
from agents.core.money import MoneyError, format_amount, parse_amount
from audit.errors import NotPermitted
from security.services.alerts import raise_at_once
from security.step_up import takes_proof
from transactions.errors import InvalidRequest, InvalidState, ReportChanged
from transactions.models import LateCapture, Transaction
from transactions.queries import transaction_for
from transactions.services.lifecycle import locked, set_status, tell
from transactions.services.money import move_money, reservation_of

PERMISSION = "transactions.report_capture"
Status = Transaction.Status


@takes_proof
def report_late_capture(
    transaction_id: str, *, amount: Decimal | int | str, reference: str, acting: User
) -> Transaction:
    """Note that the payment rail took money that nobody holds any more; alert.

    Counts against limits, which it may pass: it has happened. A second report of one
    reference changes nothing. Raises NotFound, NotPermitted, InvalidState where money
    is still held (capture it), InvalidRequest, ReportChanged.
    """
    if not acting.has_perm(PERMISSION):
        raise NotPermitted
    seen = transaction_for(acting, transaction_id)
    try:
        amount_minor = parse_amount(amount, seen.currency)
    except MoneyError as error:
        raise InvalidRequest(error.code, error.detail, pointer="/amount") from None
    with transaction.atomic(durable=True):
        spender, row = locked(transaction_id, agent_id=seen.agent_id)
        known = LateCapture.objects.filter(transaction=row, reference=reference).first()
        if known is None:
            if row.status not in (Status.VOIDED, Status.EXPIRED, Status.CAPTURED):
                raise InvalidState(
                    f"The transaction is {row.status}: only what was voided, expired"
                    " or captured is taken late."
                )
            LateCapture.objects.create(
                transaction=row,
                reference=reference,
                amount_minor=amount_minor,
                reported_by=acting,
                created_at=spender.agent.now,
            )
            move_money(
                reservation_of(row), "late_capture", amount_minor, agent=spender.agent
            )
            if row.status != Status.CAPTURED:
                set_status(row, Status.CAPTURED)
            details = {
                "amount": format_amount(amount_minor, row.currency),
                "currency": row.currency,
                "reference": reference,
            }
            tell(row, "transaction.captured_late", details, actor=acting)
            raise_at_once("late_capture")
        elif known.amount_minor != amount_minor:
            raise ReportChanged(pointer="/amount")
    return transaction_for(acting, transaction_id)
