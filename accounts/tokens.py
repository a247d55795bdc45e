"""Tokens. Access tokens are signed and short-lived, refresh tokens are opaque.

Every access token names its session or credential, which authentication looks up:
a revoked one is refused at once, not when it expires.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

import jwt
from django.conf import settings
from django.core.signing import BadSignature, Signer
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import (
    ExpiredTokenError,
    TokenBackendError,
    TokenBackendExpiredToken,
    TokenError,
)
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken

from accounts.errors import TokenEnded, TokenRefused

ALGORITHM = "HS256"
REQUIRED_CLAIMS = ["iss", "aud", "sub", "jti", "sid", "typ", "iat", "exp"]
MAX_LENGTH = 1024
# What the parsers below raise on hostile JSON, in addition to their own errors.
HOSTILE = (OverflowError, RecursionError, ValueError)


class KeyRing(TokenBackend):
    """Signs with JWT_SECRET_KEY; JWT_PREVIOUS_SECRET_KEYS still verify.

    The `kid` header picks the key from our own ring and nothing else: it is never a
    path, an address or a query.
    """

    def __init__(self) -> None:
        super().__init__(
            ALGORITHM,
            audience=api_settings.AUDIENCE,
            issuer=api_settings.ISSUER,
            leeway=api_settings.LEEWAY,
        )

    def encode(self, payload: dict[str, Any]) -> str:
        claims = {**payload, "iss": self.issuer, "aud": self.audience}
        key = settings.JWT_SECRET_KEY
        return jwt.encode(claims, key, ALGORITHM, headers={"kid": key_id(key)})

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        assert verify, "An unverified token tells nothing."  # noqa: S101
        try:
            claims = _verified(token, self._key_of(token))
            now, leeway = time.time(), api_settings.LEEWAY
            if claims["iat"] > now + leeway:
                raise jwt.ImmatureSignatureError("Made later than now.")
            if claims["exp"] <= now - leeway:
                raise jwt.ExpiredSignatureError("Ended before now.")
            return dict(claims)
        except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as error:
            raise TokenBackendExpiredToken("Now is not its time.") from error
        except jwt.InvalidTokenError as error:
            raise TokenBackendError("The token is not valid.") from error

    def _key_of(self, token: str) -> str:
        kid = _peek(token, 0).get("kid")
        for key in (settings.JWT_SECRET_KEY, *settings.JWT_PREVIOUS_SECRET_KEYS):
            if kid == key_id(key):
                return str(key)
        raise jwt.InvalidTokenError("No key of ours has that id.")


@lru_cache(maxsize=4096)
def _verified(token: str, key: str) -> Mapping[str, Any]:
    """Return the claims of a token that was good when it was first seen.

    A caller sends the same one for minutes, and of all that is verified only the time
    changes: KeyRing.decode() looks at `iat` and `exp` each time.
    """
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=[ALGORITHM],
        audience=api_settings.AUDIENCE,
        issuer=api_settings.ISSUER,
        leeway=api_settings.LEEWAY,
        options={"require": REQUIRED_CLAIMS},
    )
    return claims


def key_id(key: str) -> str:
    """Return the name of a signing key, from which the key cannot be learnt."""
    return hashlib.sha256(b"kid:" + key.encode()).hexdigest()[:16]


class Access(AccessToken):
    """An access token; each kind of caller has a class of its own."""

    def get_token_backend(self) -> TokenBackend:
        return KeyRing()

    def verify(self) -> None:
        super().verify()
        for claim in (self.payload["sub"], self.payload["sid"]):
            if not isinstance(claim, str) or not claim.isidentifier():
                raise TokenError("The token names nobody.")

    @classmethod
    def issue(cls, *, subject: str, session: str) -> str:
        """Return a signed token for a subject under a session or credential id."""
        token = cls()
        token["sub"] = subject
        token["sid"] = session
        return str(token)

    @property
    def subject(self) -> str:
        return str(self["sub"])

    @property
    def session(self) -> str:
        return str(self["sid"])


class PersonAccess(Access):
    """A person's: `sub` is a user, `sid` a Session."""

    token_type = "access"  # noqa: S105 - a kind, not a secret.


class AgentAccess(Access):
    """An agent's: `sub` is an agent, `sid` the credential that was exchanged."""

    token_type = "agent"  # noqa: S105 - a kind, not a secret.


Kind = TypeVar("Kind", bound=Access)


def expires_in_s() -> int:
    """Return the life of an access token in seconds."""
    return int(api_settings.ACCESS_TOKEN_LIFETIME.total_seconds())


def claimed_type(raw: str) -> str | None:
    """Return the kind that a token says it is. Unverified: only for routing."""
    kind = _peek(raw[:MAX_LENGTH], 1).get("typ")
    return kind if isinstance(kind, str) else None


def _peek(token: str, part: int) -> dict[str, Any]:
    """Return a token's header (0) or claims (1), unverified; empty if there are none.

    Only for choosing the verifier and its key, which reads it again, strictly.
    """
    try:
        segment = token.split(".")[part]
        padding = "=" * (-len(segment) % 4)
        found = json.loads(base64.urlsafe_b64decode(segment + padding))
    except (IndexError, *HOSTILE):
        return {}
    return found if isinstance(found, dict) else {}


def decode(raw: str, kind: type[Kind]) -> Kind:
    """Return the verified token of that kind; raise TokenRefused on any doubt.

    TokenEnded where the one doubt is that its time is over.
    """
    if len(raw) > MAX_LENGTH:
        raise TokenRefused
    try:
        return kind(raw)  # type: ignore[arg-type] # simplejwt takes the text.
    except ExpiredTokenError as error:
        raise TokenEnded from error
    except (TokenError, *HOSTILE) as error:
        raise TokenRefused from error


# Refresh tokens: "<session id>.<random>.<mac>". Only the SHA-256 of the current one
# is stored. The MAC tells a token that we once gave out (its replay ends the session)
# from one that a stranger made up who knows the session's id.


def new_refresh(session_id: str) -> str:
    """Return a fresh refresh token with 256 random bits for a session."""
    return _signer().sign(f"{session_id}.{secrets.token_urlsafe(32)}")


def refresh_hash(refresh: str) -> str:
    """Return what is stored of a refresh token."""
    return hashlib.sha256(refresh.encode()).hexdigest()


def session_of(refresh: str) -> str | None:
    """Return the session that a refresh token of ours names; None if it is not ours."""
    try:
        return _signer().unsign(refresh).partition(".")[0]
    except BadSignature:
        return None


def _signer() -> Signer:
    return Signer(
        key=settings.JWT_SECRET_KEY,
        fallback_keys=[*settings.JWT_PREVIOUS_SECRET_KEYS],
        sep=".",
        salt="accounts.refresh",
    )
