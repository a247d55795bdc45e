"""The receipt keys from the settings: one signs, all of them verify."""

from __future__ import annotations

from django.conf import settings

from audit.keys import seed_of
from transactions.evidence.core.receipt import PublicKey, ReceiptKey


def signing_key() -> ReceiptKey:
    """Return the key that signs receipts. Raises ValueError if it is malformed."""
    return ReceiptKey(seed_of("RECEIPT_SIGNING_KEY"))


def public_keys() -> list[PublicKey]:
    """Return every key that verifies receipts, the present one first.

    Raises ValueError if one is malformed.
    """
    previous = [PublicKey.parse(text) for text in settings.RECEIPT_PREVIOUS_PUBLIC_KEYS]
    return [signing_key().public, *previous]
