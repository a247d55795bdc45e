"""Receipts and their keys, as others' standards spell them."""

from __future__ import annotations

import base64

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from tests.transactions.core.cases import facts, spending
from tests.transactions.core.test_record import recorded
from transactions.decisions.core.record import record_digest
from transactions.evidence.core.receipt import (
    LoggedEvent,
    PublicKey,
    ReceiptKey,
    receipt_of,
)

# RFC 8037, appendix A.
X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
RFC_KEY = ReceiptKey(base64.urlsafe_b64decode(D + "="))
EVENT = LoggedEvent("evt_1", "transaction.decided", "agt_1", bytes(range(32)))


def receipt(what=None):
    record = recorded(what)
    return receipt_of(
        record,
        digest=record_digest(record),
        issuer="local/audit",
        policy_number=3,
        event=EVENT,
    )


def test_a_key_is_published_as_the_rfc_has_it():
    assert RFC_KEY.public.as_jwk() == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": X,
        "kid": THUMBPRINT,
        "use": "sig",
        "alg": "EdDSA",
    }
    assert PublicKey.parse(X) == RFC_KEY.public


NO_KEY, NO_BASE64URL = "is not an Ed25519 public key", "is not Base64url"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", NO_KEY),
        (X[:-1], NO_KEY),
        (X + "=", NO_KEY),
        (X[:-1] + "p", NO_KEY),  # The same bytes, spelled otherwise.
        (X.replace("_", "/"), NO_KEY),
        ("not base64!", NO_BASE64URL),
        ("A" * 43, NO_KEY),  # A point of small order: anybody could sign.
        (base64.b64encode(bytes(31)).decode(), NO_KEY),
    ],
)
def test_what_is_no_key_is_refused(text, told):
    with pytest.raises(ValueError, match=told):
        PublicKey.parse(text)


def test_a_receipt_says_what_was_decided_and_no_more():
    record = recorded(facts(spending(1500_00, "Bl\u00e5b\u00e4r", category="adult")))

    assert receipt(facts(spending(1500_00, "Bl\u00e5b\u00e4r", category="adult"))) == {
        "version": 1,
        "issuer": "local/audit",
        "transaction": "txn_1",
        "agent": "agt_1",
        "outcome": "deny",
        "amount": "1500.00",
        "currency": "USD",
        "merchant": "Bl\u00e5b\u00e4r",
        "category": "adult",
        "reasons": [
            "amount_above_maximum",
            "merchant_not_allowed",
            "category_blocked",
        ],
        "policy_version": 3,
        "decision": {"id": "dec_1", "digest": record_digest(record)},
        "decided_at": "2025-03-04T15:30:00Z",
        "event": {
            "id": "evt_1",
            "action": "transaction.decided",
            "leaf_hash": bytes(range(32)).hex(),
        },
    }


@given(st.integers(1, 10**15), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_foreign_library_verifies_what_is_signed(amount_minor, merchant):
    told = receipt(facts(spending(amount_minor, merchant)))

    signed = RFC_KEY.sign(told)

    assert signed == RFC_KEY.sign(told)
    assert (signed["receipt"], signed["algorithm"]) == (told, "Ed25519")
    assert signed["key_id"] == THUMBPRINT
    Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(X + "=")).verify(
        base64.b64decode(signed["signature"]), rfc8785.dumps(told)
    )
