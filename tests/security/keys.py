"""A client's own key pair, as the platform never sees it."""

from __future__ import annotations

from base64 import b64encode
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from security.signing.core.keys import Algorithm


class OwnKey:
    """An Ed25519 key of 32 bytes; random ones unless a test gives them."""

    algorithm: ClassVar[Algorithm] = "ed25519"

    def __init__(self, seed: bytes | None = None) -> None:
        self.private = (
            Ed25519PrivateKey.from_private_bytes(seed)
            if seed
            else Ed25519PrivateKey.generate()
        )

    @property
    def public_key(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    @property
    def public_text(self) -> str:
        """The public half as the API takes it."""
        return b64encode(self.public_key).decode()

    def sign(self, base: bytes) -> bytes:
        return self.private.sign(base)
