"""Signed HTTP requests: the key's holder sent exactly this, now, and once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NoReturn

from django.db import connection, transaction
from django.db.models import Max
from django.http import HttpRequest
from django.utils.encoding import escape_uri_path
from rest_framework.request import Request

from audit.base.purging import purge
from audit.services.recording import Outcome, record
from security.errors import SignatureRefused
from security.limits import limiter
from security.signing.core import signatures
from security.signing.core.keys import VerifyingKey
from security.signing.core.signatures import (
    RequestParts,
    RequestSignature,
    SignatureInvalid,
)
from security.signing.models import RequestNonce

# Past the window: a clock that is ahead for a while must not let us forget what can be
# sent again when it is right.
NONCE_MARGIN = timedelta(days=7)

DETAILS = {
    "signature_missing": "The request must be signed.",
    "signature_malformed": "Signature-Input or Signature is not of the profile.",
    "components_incomplete": (
        "The signature must cover @method, @path, @query, content-digest,"
        " idempotency-key where there is one, and nothing else."
    ),
    "algorithm_unsupported": "The signature's alg is not that of the caller's key.",
    "key_mismatch": "The signature is not of the caller's key.",
    "outside_time_window": "The signature's time is too far from now.",
    "digest_missing": "Content-Digest is missing; send it with an empty body, too.",
    "digest_mismatch": "Content-Digest does not match the body.",
    "signature_mismatch": "The signature does not match the request.",
    "nonce_reused": "The signature's nonce was used before.",
}


def is_signed(request: HttpRequest | Request) -> bool:
    """Return whether a request carries a signature, right or wrong."""
    return bool({"Signature", "Signature-Input"} & set(request.headers))


def verify(
    request: HttpRequest | Request,
    *,
    key_id_expected: str,
    key: VerifyingKey,
    now: datetime,
) -> RequestSignature:
    """Return the request's signature, its nonce now spent, or raise SignatureRefused.

    Reads the raw body, so call it before the body is parsed. A refusal is audited and
    counted as a request of the known caller: RateLimited when it is too many.
    The nonce is one INSERT, committed at once unless a transaction is open.
    """
    try:
        signature = signatures.parse_signature(_headers(request))
        signatures.check_signature(
            _parts(request),
            signature,
            digest_header=request.headers.get("Content-Digest", ""),
            key_id=key_id_expected,
            key=key,
            now_s=int(now.timestamp()),
        )
        if not _spend_nonce(signature):
            raise SignatureInvalid("nonce_reused")
    except SignatureInvalid as invalid:
        _refuse(request, invalid.reason, key_id_expected)
    return signature


def purge_nonces(*, now: datetime) -> int:
    """Delete the nonces whose signatures are too old to pass; return how many.

    By the newest of them where that is older than now: then the clock may be ahead.
    """
    newest = RequestNonce.objects.aggregate(at=Max("expires_at"))["at"] or now
    return purge(RequestNonce.objects.filter(expires_at__lt=min(now, newest)))


def _headers(request: HttpRequest | Request) -> dict[str, str]:
    return {
        name: request.headers.get(name, "") for name in ("signature-input", "signature")
    }


def _parts(request: HttpRequest | Request) -> RequestParts:
    # WSGI decodes the path; escaped again, it is the one spelling that we accept.
    return RequestParts(
        method=request.method or "",
        path=escape_uri_path(request.path),
        query=request.META.get("QUERY_STRING", ""),
        body=request.body,
        idempotency_key=request.headers.get("Idempotency-Key"),
    )


def _spend_nonce(signature: RequestSignature) -> bool:
    """Insert the nonce; of any number of requests at once, one sees True."""
    created = datetime.fromtimestamp(signature.created, UTC)
    expires_at = created + timedelta(seconds=signatures.WINDOW_S) + NONCE_MARGIN
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO security_requestnonce (key_id, nonce, expires_at)"
            " VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [signature.key_id, signature.nonce, expires_at],
        )
        return bool(cursor.rowcount == 1)


def _refuse(request: HttpRequest | Request, reason: str, key_id: str) -> NoReturn:
    # First, so that a caller who knows only a key's id cannot flood the log.
    limiter.count_refusal(request)
    with transaction.atomic():
        record(
            "signature.refused",
            target=("credential", key_id, ""),
            outcome=Outcome.REFUSED,
            details={"code": reason},
        )
    raise SignatureRefused(reason, DETAILS[reason])
