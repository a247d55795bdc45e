"""Signatures: a payload's by a shared secret, and a request's (RFC 9421).

The profile is narrow on purpose: one signature, exactly what decides a request's effect
as components, exactly four parameters, and the algorithm of the key that is expected.
What it does not know, it refuses.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from security.signing.core.keys import SigningKey, VerifyingKey

COMPONENTS = ("@method", "@path", "@query", "content-digest")
# Covered too where a request has one: another key would make its replay a new one.
IDEMPOTENCY_KEY = "idempotency-key"
PARAMETERS = frozenset({"created", "keyid", "nonce", "alg"})
WINDOW_S = 300
NONCE_MINIMUM = 16
NONCE_MAXIMUM = 128
HEADER_MAXIMUM = 2048

Refusal = Literal[
    "signature_missing",
    "signature_malformed",
    "components_incomplete",
    "algorithm_unsupported",
    "key_mismatch",
    "outside_time_window",
    "digest_missing",
    "digest_mismatch",
    "signature_mismatch",
    "nonce_reused",
]


@dataclass(frozen=True, slots=True)
class RequestParts:
    """What of an HTTP request is signed; `query` is without the question mark."""

    method: str
    path: str
    query: str
    body: bytes
    idempotency_key: str | None = None

    @property
    def components(self) -> tuple[str, ...]:
        """The names of what a signature of it must cover, in any order."""
        with_key = () if self.idempotency_key is None else (IDEMPOTENCY_KEY,)
        return COMPONENTS + with_key


@dataclass(frozen=True, slots=True)
class RequestSignature:
    """A parsed Signature-Input and Signature. `params` is signed as it was sent."""

    components: tuple[str, ...]
    params: str
    created: int
    key_id: str
    nonce: str
    algorithm: str
    signature: bytes


class SignatureInvalid(Exception):
    """A signature is not acceptable; `reason` is one of Refusal."""

    def __init__(self, reason: Refusal) -> None:
        self.reason = reason
        super().__init__(reason)


def verify_signature(payload: bytes, signature: str, secret: str) -> bool:
    """Return whether `signature` is the hex HMAC-SHA256 of the payload.

    Compares in constant time; a signature that is not ASCII is false, not an error.
    Source: seed, "Request Signing".
    """
    expected = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
    return hmac.compare_digest(
        expected.encode(), signature.encode(errors="surrogatepass")
    )


def content_digest(body: bytes) -> str:
    """Return the Content-Digest header of a body (RFC 9530, sha-256)."""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    return f"sha-256=:{digest}:"


def sign(
    request: RequestParts, *, key: SigningKey, key_id: str, created: int, nonce: str
) -> dict[str, str]:
    """Return the headers that sign a request; `created` is in Unix seconds."""
    listed = " ".join(f'"{name}"' for name in request.components)
    params = (
        f"({listed});created={created}"
        f';keyid="{key_id}";nonce="{nonce}";alg="{key.algorithm}"'
    )
    signature = key.sign(_signature_base(request, request.components, params))
    return {
        "Content-Digest": content_digest(request.body),
        "Signature-Input": f"sig1={params}",
        "Signature": f"sig1=:{base64.b64encode(signature).decode()}:",
    }


def parse_signature(headers: Mapping[str, str]) -> RequestSignature:
    """Return the one signature of a request, from lower-case header names.

    Raises SignatureInvalid when a header is missing, says more than one signature, or
    departs from the profile in any other way.
    """
    given = [headers.get(name, "") for name in ("signature-input", "signature")]
    if not all(given):
        raise SignatureInvalid("signature_missing")
    if max(map(len, given)) > HEADER_MAXIMUM:
        raise SignatureInvalid("signature_malformed")
    described, signed = _INPUT.fullmatch(given[0]), _SIGNATURE.fullmatch(given[1])
    if not described or not signed or described["label"] != signed["label"]:
        raise SignatureInvalid("signature_malformed")
    found = _PARAMETER.findall(described["parameters"])
    parameters = dict(found)
    if len(found) != len(PARAMETERS) or set(parameters) != PARAMETERS:
        raise SignatureInvalid("signature_malformed")
    return RequestSignature(
        components=tuple(_QUOTED.findall(described["components"])),
        params=described["params"],
        created=_created(parameters["created"]),
        key_id=_text(parameters["keyid"], minimum=1, maximum=64),
        nonce=_text(parameters["nonce"], minimum=NONCE_MINIMUM, maximum=NONCE_MAXIMUM),
        algorithm=_text(parameters["alg"], minimum=1, maximum=32),
        signature=_decode(signed["signature"]),
    )


def check_signature(
    request: RequestParts,
    signature: RequestSignature,
    *,
    digest_header: str,
    key_id: str,
    key: VerifyingKey,
    now_s: int,
) -> None:
    """Raise SignatureInvalid unless the key's holder signed this request, just now.

    `now_s` is in Unix seconds; 300 either way are accepted. That the nonce is new is
    for the caller to settle, and only after this.
    """
    if sorted(signature.components) != sorted(request.components):
        raise SignatureInvalid("components_incomplete")
    if signature.algorithm != key.algorithm:
        raise SignatureInvalid("algorithm_unsupported")
    if signature.key_id != key_id:
        raise SignatureInvalid("key_mismatch")
    if abs(now_s - signature.created) > WINDOW_S:
        raise SignatureInvalid("outside_time_window")
    if not digest_header:
        raise SignatureInvalid("digest_missing")
    expected = content_digest(request.body)
    given = digest_header.encode(errors="surrogatepass")
    if not hmac.compare_digest(expected.encode(), given):
        raise SignatureInvalid("digest_mismatch")
    base = _signature_base(request, signature.components, signature.params)
    if not key.is_signed(base, signature.signature):
        raise SignatureInvalid("signature_mismatch")


_LABEL = r"(?P<label>[a-z*][a-z0-9_.*-]{0,31})"
_STRING = r'"[\x20\x21\x23-\x5b\x5d-\x7e]*"'
_INPUT = re.compile(
    rf"{_LABEL}=(?P<params>\((?P<components>{_STRING}(?: {_STRING})*)\)"
    rf"(?P<parameters>(?:;[a-z]+=(?:{_STRING}|[0-9]+))+))"
)
_SIGNATURE = re.compile(rf"{_LABEL}=:(?P<signature>[A-Za-z0-9+/]+={{0,2}}):")
_QUOTED = re.compile(r'"([^"]*)"')
_PARAMETER = re.compile(rf";([a-z]+)=({_STRING}|[0-9]+)")


def _created(value: str) -> int:
    if value.startswith('"') or len(value) > 12:
        raise SignatureInvalid("signature_malformed")
    return int(value)


def _text(value: str, *, minimum: int, maximum: int) -> str:
    text = value.removeprefix('"').removesuffix('"')
    if len(value) != len(text) + 2 or not minimum <= len(text) <= maximum:
        raise SignatureInvalid("signature_malformed")
    return text


def _decode(signature: str) -> bytes:
    try:
        return base64.b64decode(signature, validate=True)
    except binascii.Error:
        raise SignatureInvalid("signature_malformed") from None


def _signature_base(
    request: RequestParts, components: tuple[str, ...], params: str
) -> bytes:
    """RFC 9421, section 2.5: a line per component, then the parameters."""
    values = {
        "@method": request.method,
        "@path": request.path,
        "@query": f"?{request.query}",
        "content-digest": content_digest(request.body),
        IDEMPOTENCY_KEY: request.idempotency_key,
    }
    lines = [f'"{name}": {values[name]}' for name in components]
    lines.append(f'"@signature-params": {params}')
    return "\n".join(lines).encode(errors="surrogatepass")
