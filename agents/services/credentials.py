"""Credentials: issued once, revoked at once, exchanged for access tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import tokens
from accounts.models import User
from agents.errors import (
    CredentialEnded,
    CredentialExpiryRefused,
    CredentialRefused,
    OverlapRefused,
    PublicKeyRefused,
)
from agents.models import Agent, AgentCredential
from agents.principals import AgentPrincipal
from agents.queries import credential_by_id
from agents.services.access import lock_managed, target
from audit.base.context import Principal
from audit.base.core.readers import rfc3339
from audit.base.errors import NotFound
from audit.base.ids import ALPHABET, LENGTH
from audit.services.recording import Outcome, record
from security.signing.core.keys import is_sound_public_key
from security.step_up import takes_proof

CREDENTIAL_DAYS = 90
CREDENTIAL_DAYS_MAX = 365
OVERLAP_HOURS = 24
OVERLAP_HOURS_MAX = 168
SECRET_BYTES = 32
_CREDENTIAL_ID = re.compile(rf"crd_[{ALPHABET}]{{{LENGTH}}}")
# Compared with when there is no such credential, so that the answer takes as long.
_NO_HASH = hashlib.sha256(b"no such credential").hexdigest()


@dataclass(frozen=True, slots=True)
class IssuedCredential:
    """A new credential with its secrets, which nobody can read again.

    Without a signing secret where a public key verifies.
    """

    id: str
    client_secret: str = field(repr=False)
    signing_secret: str = field(repr=False)
    signature_algorithm: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An agent's access token and its life."""

    access: str = field(repr=False)
    expires_in_s: int


@takes_proof
def issue_credential(
    agent_id: str,
    *,
    expires_in_days: int = CREDENTIAL_DAYS,
    public_key: str = "",
    acting: User,
) -> IssuedCredential:
    """Give an agent a client id and secrets of 256 bits each, shown this once.

    Of the client secret only the SHA-256 is stored; the signing secret, which must be
    readable to verify, is encrypted. With a public key (Ed25519, 32 bytes in base64)
    there is no signing secret. Takes a fresh proof. Raises NotFound, NotPermitted,
    StepUpRequired, CredentialExpiryRefused, PublicKeyRefused.
    """
    with transaction.atomic(durable=True):
        agent = lock_managed(agent_id, "agents.change_agent", acting)
        return _create(agent, expires_in_days, public_key, acting)


@takes_proof
def rotate_credential(
    agent_id: str,
    credential_id: str,
    *,
    overlap_hours: int = OVERLAP_HOURS,
    expires_in_days: int = CREDENTIAL_DAYS,
    public_key: str = "",
    acting: User,
) -> IssuedCredential:
    """Issue a credential's successor; the old one is good for the overlap, and no more.

    An Ed25519 credential's successor needs its own public key: signatures that only
    the agent can make never give way to ones that we could. Takes a fresh proof.
    Raises as issue_credential(), and OverlapRefused, CredentialEnded.
    """
    if not 0 <= overlap_hours <= OVERLAP_HOURS_MAX:
        raise OverlapRefused(pointer="/overlap_hours")
    with transaction.atomic(durable=True):
        agent = lock_managed(agent_id, "agents.change_agent", acting)
        now = timezone.now()
        old = AgentCredential.objects.filter(pk=credential_id, agent=agent).first()
        if old is None:
            raise NotFound
        if old.revoked_at or old.expires_at <= now or hasattr(old, "successor"):
            raise CredentialEnded
        if old.public_key and public_key in ("", old.public_key):
            raise PublicKeyRefused(
                "Its successor needs a new public key.", pointer="/public_key"
            )
        issued = _create(agent, expires_in_days, public_key, acting, replaces=old)
        old.expires_at = min(old.expires_at, now + timedelta(hours=overlap_hours))
        old.save(update_fields=["expires_at"])
        record(
            "credential.rotated",
            target=("credential", old.pk, agent.name),
            owner_id=agent.owner_id,
            details={
                "agent": agent.pk,
                "successor": issued.id,
                "expires_at": rfc3339(old.expires_at),
            },
            actor=acting,
        )
    return issued


def _create(
    agent: Agent,
    expires_in_days: int,
    public_key: str,
    acting: User,
    replaces: AgentCredential | None = None,
) -> IssuedCredential:
    if not 1 <= expires_in_days <= CREDENTIAL_DAYS_MAX:
        raise CredentialExpiryRefused(pointer="/expires_in_days")
    if public_key and not _is_sound(public_key):
        raise PublicKeyRefused(pointer="/public_key")
    client_secret = secrets.token_urlsafe(SECRET_BYTES)
    signing_secret = "" if public_key else secrets.token_urlsafe(SECRET_BYTES)
    now = timezone.now()
    credential = AgentCredential.objects.create(
        agent=agent,
        secret_hash=_hash(client_secret),
        signing_secret=signing_secret,
        public_key=public_key,
        replaces=replaces,
        created_by=acting,
        created_at=now,
        expires_at=now + timedelta(days=expires_in_days),
    )
    record(
        "credential.created",
        target=("credential", credential.pk, agent.name),
        owner_id=agent.owner_id,
        details={
            "agent": agent.pk,
            "expires_at": rfc3339(credential.expires_at),
            "signature_algorithm": credential.signature_algorithm,
        },
        actor=acting,
    )
    return IssuedCredential(
        credential.pk,
        client_secret,
        signing_secret,
        credential.signature_algorithm,
        credential.expires_at,
    )


def _is_sound(public_key: str) -> bool:
    try:
        return is_sound_public_key(base64.b64decode(public_key, validate=True))
    except ValueError:  # Not base64, or not even ASCII.
        return False


def revoke_credential(
    agent_id: str, credential_id: str, *, reason: str = "", acting: User
) -> None:
    """End a credential; its tokens are refused from the next request on.

    A second call changes nothing. Raises NotFound, NotPermitted.
    """
    with transaction.atomic(durable=True):
        agent = lock_managed(agent_id, "agents.change_agent", acting)
        credentials = AgentCredential.objects.filter(pk=credential_id, agent=agent)
        if not credentials.exists():
            raise NotFound
        end_credentials(credentials, agent, reason=reason, acting=acting)


def end_credentials(
    credentials: QuerySet[AgentCredential],
    agent: Agent,
    *,
    reason: str,
    acting: Principal,
) -> int:
    """Revoke those of a locked agent that are not yet; return how many. One event each.

    Joins the transaction of the caller.
    """
    live = list(credentials.filter(revoked_at=None).values_list("pk", flat=True))
    credentials.filter(pk__in=live).update(revoked_at=timezone.now())
    for credential_id in live:
        record(
            "credential.revoked",
            target=("credential", credential_id, agent.name),
            owner_id=agent.owner_id,
            details={"agent": agent.pk, "reason": reason},
            actor=acting,
        )
    return len(live)


def exchange_credential(client_id: str, client_secret: str) -> IssuedToken:
    """Return an access token for a live credential of an active agent and owner.

    Raises CredentialRefused, the same after the same work whatever is wrong; the
    audit log alone knows why.
    """
    with transaction.atomic(durable=True):
        now = timezone.now()
        credential = credential_by_id(client_id)
        stored = credential.secret_hash if credential else _NO_HASH
        is_right = hmac.compare_digest(_hash(client_secret), stored)
        refusal = _refusal(credential, is_right=is_right, now=now)
        if credential is not None and refusal is None:
            AgentCredential.objects.filter(pk=credential.pk).update(last_used_at=now)
            _record_token(credential, now)
        else:
            _record_refused_token(client_id, credential, refusal or "unknown_client")
    # Raised outside, because inside it would erase the event.
    if credential is None or refusal:
        raise CredentialRefused
    access = tokens.AgentAccess.issue(
        subject=credential.agent_id, session=credential.pk
    )
    return IssuedToken(access, tokens.expires_in_s())


def _refusal(
    credential: AgentCredential | None, *, is_right: bool, now: datetime
) -> str | None:
    """Return why a credential proves nothing, or None if it does."""
    if credential is None:
        return "unknown_client"
    checks = {
        "wrong_secret": is_right,
        "revoked": credential.revoked_at is None,
        "expired": credential.expires_at > now,
        "agent_inactive": credential.agent.is_active,
        "owner_inactive": credential.agent.owner.is_active,
    }
    return next((reason for reason, holds in checks.items() if not holds), None)


def _record_token(credential: AgentCredential, now: datetime) -> None:
    agent = credential.agent
    record(
        "agent.token_issued",
        target=target(agent),
        owner_id=agent.owner_id,
        details={"credential": credential.pk},
        actor=AgentPrincipal(
            principal_id=agent.pk,
            owner_id=agent.owner_id,
            label=agent.name,
            mode=agent.mode,
            credential_id=credential.pk,
            authenticated_at=now,
        ),
    )


def _record_refused_token(
    client_id: str, credential: AgentCredential | None, reason: str
) -> None:
    agent = credential.agent if credential else None
    record(
        "agent.token_refused",
        target=target(agent) if agent else ("", "", ""),
        owner_id=agent.owner_id if agent else "",
        outcome=Outcome.REFUSED,
        details={"reason": reason, "client_id": _loggable(client_id)},
    )


def _loggable(client_id: str) -> str:
    """Return what has the shape of our ids; else it may be the secret, misplaced."""
    return client_id if _CREDENTIAL_ID.fullmatch(client_id) else ""


def _hash(secret: str) -> str:
    """Return what is stored of a secret of 256 random bits; it needs no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()
