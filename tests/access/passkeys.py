"""A passkey as a browser would have registered it."""

from __future__ import annotations

import secrets
from typing import Any

from cryptography.hazmat.primitives import hashes
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

ORIGIN = "http://testserver"


def new_private_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def new_passkey(private_key: ec.EllipticCurvePrivateKey | None = None) -> Any:
    """Return what allauth keeps of a new passkey; unless given, nobody has its key."""
    private_key = private_key or new_private_key()
    key = ES256.from_cryptography_key(private_key.public_key())
    name = secrets.token_bytes(16)
    found = AttestedCredentialData.create(Aaguid(bytes(16)), name, key)
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.AT
    data = AuthenticatorData.create(sha256(b"testserver"), flags, 0, found)
    client = CollectedClientData.create(
        CollectedClientData.TYPE.CREATE, secrets.token_bytes(32), ORIGIN
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


def answer_with(
    private_key: ec.EllipticCurvePrivateKey, options: dict[str, Any]
) -> dict[str, Any]:
    """Return a browser's answer to a challenge that allows one passkey."""
    asked = options["publicKey"]
    name = asked["allowCredentials"][0]["id"]
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV
    data = AuthenticatorData.create(sha256(b"testserver"), flags, 1)
    client = CollectedClientData.create(
        CollectedClientData.TYPE.GET, asked["challenge"], ORIGIN
    )
    signature = private_key.sign(data + sha256(client), ec.ECDSA(hashes.SHA256()))
    return {
        "id": name,
        "rawId": name,
        "type": "public-key",
        "response": {
            "clientDataJSON": websafe_encode(client),
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
        },
    }
