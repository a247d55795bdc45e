"""Moving money that was set aside, and seeing where it is."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from security.changes.services import approve_change
from tests.spending import principal_of
from transactions.budgets.core.ledger import balances
from transactions.budgets.models import Budget, LedgerEntry, Reservation
from transactions.decisions.services.answers import Answer
from transactions.money.services.captures import capture, increment
from transactions.money.services.giving_back import refund, void
from transactions.money.services.late_captures import (
    report_late_capture,
    reverse_late_capture,
)
from transactions.spending.models import Transaction

OPERATIONS: dict[str, Callable[..., Answer]] = {
    "capture": capture,
    "increment": increment,
    "refund": refund,
    "void": void,
}
_keys = iter(range(10**9))


def act(agent, operation, transaction_id, key=None, **values):
    optional: dict[str, dict[str, Any]] = {
        "capture": {"amount": None, "is_final": False},
        "refund": {"amount": None, "reason": ""},
    }
    given = optional.get(operation, {}) | values
    return OPERATIONS[operation](
        transaction_id,
        acting=principal_of(agent),
        idempotency_key=key or f"act-{next(_keys)}",
        **given,
    )


def money(transaction_id):
    """Return amount, captured, released, late, refunded, in whole major units."""
    row = Reservation.objects.get(pk=transaction_id)
    return [
        Decimal(value) / 100
        for value in (
            row.amount_minor,
            row.captured_minor,
            row.released_minor,
            row.late_minor,
            row.refunded_minor,
        )
    ]


def take_late(transaction_id, amount, reference="r", *, people):
    """Report what the rail took above what was authorized; the second one confirms."""
    asker, other = people
    change = report_late_capture(
        transaction_id, amount=amount, reference=reference, acting=asker
    )
    assert change.kind == "late_capture"
    return approve_change(change.pk, acting=other)


def reverse_late(transaction_id, reference="r", *, people):
    """Reverse a late capture; the second person agrees."""
    asker, other = people
    change = reverse_late_capture(
        transaction_id, reference=reference, reason="Wrong.", acting=asker
    )
    assert change.kind == "late_reversal"
    return approve_change(change.pk, acting=other)


def budget():
    row = Budget.objects.get()
    return row.reserved_minor, row.posted_minor, row.late_minor, row.count


def ledger():
    entries = LedgerEntry.objects.values_list("credit", "debit", "amount_minor")
    found = {name: value for name, value in balances(entries).items() if value}
    assert sum(found.values()) == 0
    return found


def status(transaction_id):
    return Transaction.objects.get(pk=transaction_id).status
