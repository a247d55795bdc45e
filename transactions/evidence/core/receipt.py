"""Receipts: signed proof of a decision that its holder can show to others.

Signed with Ed25519 over canonical JSON (RFC 8785); keys are published as JWK.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.core.money import format_amount
from audit.base.core.canonical import canonical
from audit.base.core.readers import rfc3339
from security.signing.core.keys import is_sound_public_key
from transactions.decisions.core.reasons import is_reason
from transactions.decisions.core.record import Record

VERSION = 1
ALGORITHM = "Ed25519"


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """The audit event of a decision, with its actor and its leaf in the log."""

    id: str
    action: str
    actor_id: str
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies receipts."""

    raw: bytes

    @property
    def x(self) -> str:
        """The key's bytes in Base64url, as in a JWK."""
        return _base64url(self.raw)

    @property
    def key_id(self) -> str:
        """The JWK's thumbprint. Source: RFC 7638; RFC 8037, appendix A.3."""
        members = {"crv": ALGORITHM, "kty": "OKP", "x": self.x}
        return _base64url(sha256(canonical(members)).digest())

    def as_jwk(self) -> dict[str, str]:
        """Return the key as a JSON Web Key. Source: RFC 7517, RFC 8037."""
        return {
            "kty": "OKP",
            "crv": ALGORITHM,
            "x": self.x,
            "kid": self.key_id,
            "use": "sig",
            "alg": "EdDSA",
        }

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Read the `x` of a JWK. Raises ValueError."""
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        except ValueError as error:
            raise ValueError(f"{text!r} is not Base64url.") from error
        key = cls(raw)
        if not is_sound_public_key(raw) or key.x != text:
            raise ValueError(f"{text!r} is not an Ed25519 public key.")
        return key


@dataclass(frozen=True, slots=True)
class ReceiptKey:
    """The key that signs receipts, made from 32 random bytes."""

    seed: bytes = field(repr=False)

    @property
    def public(self) -> PublicKey:
        key = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return PublicKey(key.public_bytes_raw())

    def sign(self, receipt: Mapping[str, Any]) -> dict[str, Any]:
        """Return the receipt with its signature, which is deterministic."""
        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        return {
            "receipt": receipt,
            "signature": base64.b64encode(key.sign(canonical(receipt))).decode(),
            "algorithm": ALGORITHM,
            "key_id": self.public.key_id,
        }


def receipt_of(
    record: Record,
    *,
    digest: str,
    issuer: str,
    policy_number: int | None,
    event: LoggedEvent,
) -> dict[str, Any]:
    """Return the content of a receipt: the decision as it was made, not its later fate.

    All values come from the record that `digest` binds and from the audit event of the
    decision, so the receipt is always the same.
    """
    request = record.inputs["facts"]["request"]
    return {
        "version": VERSION,
        "issuer": issuer,
        "transaction": record.transaction,
        "agent": event.actor_id,
        "outcome": record.outcome,
        "amount": format_amount(request["amount_minor"], request["currency"]),
        "currency": request["currency"],
        "merchant": request["merchant"],
        "category": request["category"],
        "reasons": [
            finding["code"]
            for finding in record.findings
            if is_reason(finding["code"], finding["outcome"], record.outcome)
        ],
        "policy_version": policy_number,
        "decision": {"id": record.id, "digest": digest},
        "decided_at": rfc3339(record.decided_at),
        "event": {
            "id": event.id,
            "action": event.action,
            "leaf_hash": event.leaf_hash.hex(),
        },
    }


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
