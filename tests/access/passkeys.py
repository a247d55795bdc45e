"""A passkey as a browser would have registered it."""

from __future__ import annotations

import secrets
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import sha256, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)


def new_passkey() -> dict[str, Any]:
    """Return what allauth keeps of a new passkey; nobody has its private key."""
    key = ES256.from_cryptography_key(
        ec.generate_private_key(ec.SECP256R1()).public_key()
    )
    name = secrets.token_bytes(16)
    found = AttestedCredentialData.create(Aaguid(bytes(16)), name, key)
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.AT
    data = AuthenticatorData.create(sha256(b"testserver"), flags, 0, found)
    client = CollectedClientData.create(
        CollectedClientData.TYPE.CREATE, secrets.token_bytes(32), "http://testserver"
    )
    credential = {
        "id": websafe_encode(name),
        "rawId": websafe_encode(name),
        "type": "public-key",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": websafe_encode(client),
            "attestationObject": websafe_encode(
                AttestationObject.create("none", data, {})
            ),
        },
    }
    return {"name": "Key", "credential": credential}
