"""The two kinds of key that verify a signature, each for its one algorithm."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Algorithm = Literal["hmac-sha256", "ed25519"]
ED25519_KEY_BYTES = 32
# Of the curve: its field, and d of -x² + y² = 1 + d x² y² (RFC 8032, 5.1).
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P


class VerifyingKey(Protocol):
    """What a signature is checked with: one algorithm, and no other."""

    algorithm: ClassVar[Algorithm]

    def is_signed(self, base: bytes, signature: bytes) -> bool:
        """Return whether the key's holder signed these bytes."""


class SigningKey(Protocol):
    """What signs; the platform itself never holds one of Ed25519."""

    algorithm: ClassVar[Algorithm]

    def sign(self, base: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class HmacKey:
    """A shared secret: the verifier could have signed, too."""

    secret: str = field(repr=False)
    algorithm: ClassVar[Algorithm] = "hmac-sha256"

    def sign(self, base: bytes) -> bytes:
        return hmac.new(self.secret.encode(), base, hashlib.sha256).digest()

    def is_signed(self, base: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(self.sign(base), signature)


@dataclass(frozen=True, slots=True)
class Ed25519Key:
    """A public key: only its holder can have signed, not even we."""

    public_key: bytes
    algorithm: ClassVar[Algorithm] = "ed25519"

    def is_signed(self, base: bytes, signature: bytes) -> bool:
        key = Ed25519PublicKey.from_public_bytes(self.public_key)
        try:
            key.verify(signature, base)
        except InvalidSignature:
            return False
        return True


def is_sound_public_key(key: bytes) -> bool:
    """Return whether 32 bytes are a point of the curve that can serve as a public key.

    With a point of small order anybody can sign anything, so that its owner could deny
    every signature; libraries take them. Refused, as is a spelling of a point that is
    not its canonical one. Source: RFC 8032, 5.1.3; IACR ePrint 2020/1244.
    """
    if len(key) != ED25519_KEY_BYTES:
        return False
    encoded = int.from_bytes(key, "little")
    y = encoded & (1 << 255) - 1
    if y >= _P:
        return False
    y2 = y * y % _P
    # x² = (y² - 1) / (d y² + 1) must be a square; x = 0 has order 1 or 2.
    x2 = (y2 - 1) * pow(_D * y2 + 1, -1, _P) % _P
    if x2 == 0 or pow(x2, (_P - 1) // 2, _P) != 1:
        return False
    # Orders 4 (y = 0) and 8: doubling once more gives y = 0, so d y⁴ + 2 y² = 1.
    return y != 0 and (_D * y2 * y2 + 2 * y2 - 1) % _P != 0
