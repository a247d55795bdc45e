"""A stored transaction as the request that it was."""

from __future__ import annotations

from transactions.decisions.core.facts import SpendingRequest
from transactions.spending.models import Transaction


def request_of(row: Transaction) -> SpendingRequest:
    """Return the request of a transaction in the form that decide() takes."""
    return SpendingRequest(
        amount_minor=row.amount_minor,
        currency=row.currency,
        merchant=row.merchant,
        merchant_key=row.merchant_key,
        category=row.category,
        description=row.description,
        merchant_country=row.merchant_country,
        mcc=row.mcc,
        unknown_category=row.unknown_category,
    )
