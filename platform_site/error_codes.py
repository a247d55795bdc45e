"""A sentence for each error code; the pages /errors/CODE/ show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from rest_framework import exceptions

from agents.core.money import MESSAGES as MONEY
from audit.base.errors import DomainError
from audit.base.refused import (
    EncodingRefused,
    HttpsRequired,
    LengthRequired,
    ParameterRefused,
)
from security.schemas.parsers import TooLarge

# REST framework's own errors; `detail` in the answer says more.
API: tuple[type[exceptions.APIException], ...] = (
    exceptions.ParseError,
    exceptions.AuthenticationFailed,
    exceptions.NotAuthenticated,
    exceptions.MethodNotAllowed,
    exceptions.NotAcceptable,
    exceptions.UnsupportedMediaType,
    exceptions.Throttled,
    TooLarge,
)
# Codes without a class, or whose text depends on the request.
OTHERS: Mapping[str, str] = {
    "parse_error": "The body could not be read: it is not strict JSON.",
    "method_not_allowed": "This address does not accept that method.",
    "unsupported_media_type": "Send the body as application/json.",
    "invalid_request": "A field is missing, unknown or not valid.",
    "bad_request": "The request could not be read.",
    "unavailable": "A part of the platform is away; nothing was decided. Try again.",
    "internal_error": "Something went wrong on our side; it has been logged.",
    "idempotency_key_required": "Requests that move money need an Idempotency-Key.",
    "idempotency_key_invalid": "Use 1 to 255 printable ASCII characters, no blanks.",
    "wait_out_of_range": "Wait 0 to 30 seconds.",
    "category_unknown": "The category is unknown, and the policy limits some.",
    "currency_required": "The agent has no policy, so a currency must be given.",
    "policy_invalid": "The policy has errors; the answer lists each with its place.",
}


@lru_cache(maxsize=1)
def error_details() -> Mapping[str, str]:
    """Return a sentence for each code that a problem document can have."""
    return {**dict(_of_api()), **dict(_of_domain()), **MONEY, **OTHERS}


def _of_api() -> Iterator[tuple[str, str]]:
    for kind in API:
        yield kind.default_code, str(kind.default_detail)
    for refused in (
        LengthRequired,
        EncodingRefused,
        HttpsRequired,
        ParameterRefused,
    ):
        yield refused.code, refused.detail


def _of_domain() -> Iterator[tuple[str, str]]:
    for kind in domain_errors():
        yield kind.code, kind.detail


def domain_errors(
    kind: type[DomainError] = DomainError,
) -> Iterator[type[DomainError]]:
    """Yield every domain error that has a code of its own."""
    for error in kind.__subclasses__():
        if error.code != DomainError.code:
            yield error
        yield from domain_errors(error)
