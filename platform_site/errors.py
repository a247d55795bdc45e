"""Turn every error into an HTTP response: RFC 9457 problem details."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    TooManyFieldsSent,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from psycopg_pool import PoolTimeout
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from agents.policy.core.draft import PolicyInvalid
from audit.base import context
from audit.base.core.vocabulary import Unlisted
from audit.base.errors import DomainError
from audit.base.sessions import is_disconnected
from audit.services.recording import record_refusal
from security.alerts.core.refusals import PROOF_EVENTS
from security.errors import RateLimited
from security.limits import limiter
from transactions.errors import StillRefused

logger = logging.getLogger(__name__)

TITLES = {
    400: "The request is not valid",
    401: "Not authenticated",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    411: "Length required",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported media type",
    422: "Cannot be processed",
    428: "Precondition required",
    429: "Too many requests",
    500: "Internal error",
    503: "Temporarily unavailable",
}

# After a deadlock or while an engine is unavailable.
RETRY_AFTER_S = 5
# Only the first errors of an answer list the allowed words; the others link to them.
VOCABULARIES_SHOWN = 20


def problem_response(error: Exception, view_context: dict[str, Any]) -> Response:
    """DRF's exception handler: answer every error as application/problem+json.

    An unexpected error is logged and answered 500 without its cause. Refusals are
    audited here, once each.
    """
    request: Request = view_context["request"]
    error = _count_refusal(error, request)
    status, code, detail, errors, headers = _describe(error)
    if status >= 500:
        logger.error("%s %s failed", request.method, request.path, exc_info=error)
    if not (is_unavailable(error) and is_disconnected()):
        audit_refusal(status, code, request)
    body = problem(status, code, detail, errors, path=request.path)
    # Regardless of the view's own renderer.
    request.accepted_renderer = JSONRenderer()
    request.accepted_media_type = JSONRenderer.media_type
    return Response(
        body, status, headers=headers, content_type="application/problem+json"
    )


def problem(
    status: int,
    code: str,
    detail: str,
    errors: Iterable[Mapping[str, Any]] = (),
    *,
    path: str,
) -> dict[str, Any]:
    """Return the body of a problem; `type` resolves to a page about the code."""
    body: dict[str, Any] = {
        "type": f"/errors/{code}/",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "instance": path,
        "code": code,
        "request_id": context.current().request_id,
    }
    if listed := list(_with_vocabularies(errors)):
        body["errors"] = listed
    return body


def _with_vocabularies(
    errors: Iterable[Mapping[str, Any]],
) -> Iterator[Mapping[str, Any]]:
    """Add the allowed words to each error about a closed set of words."""
    left = VOCABULARIES_SHOWN
    for error in errors:
        code = error["code"]
        if not isinstance(code, Unlisted):
            yield error
            continue
        words = code.vocabulary
        yield {**error, **(words.suggestions(code.given) if left else words.seen())}
        left = max(left - 1, 0)


def problem_page(
    request: HttpRequest, status: int, code: str, detail: str
) -> JsonResponse:
    """Answer with a problem where no DRF view handled the API address."""
    return JsonResponse(
        problem(status, code, detail, path=request.path),
        status=status,
        content_type="application/problem+json",
    )


def _count_refusal(error: Exception, request: Request) -> Exception:
    """Count refusals that come before DRF's throttle, such as a wrong token.

    Returns the error, or RateLimited when there were too many refusals.
    """
    if isinstance(error, exceptions.APIException | DomainError):
        try:
            limiter.count_refusal(request)
        except RateLimited as limited:
            return limited
    return error


Description = tuple[int, str, str, list[dict[str, str]], dict[str, str]]


def _describe(error: Exception) -> Description:
    if isinstance(error, DomainError):
        return _describe_domain(error)
    if isinstance(error, exceptions.ValidationError):
        errors = list(_flatten(error.get_full_details(), ""))
        return 400, "invalid_request", "See errors for each field.", errors, {}
    if isinstance(error, exceptions.APIException):
        return _describe_api(error)
    if isinstance(error, RequestDataTooBig):
        return 413, "too_large", "The body is too large.", [], {}
    if isinstance(error, TooManyFieldsSent):
        detail = "Too many parameters."
        place = {"pointer": "/query", "code": "too_many_parameters", "detail": detail}
        return 400, "bad_request", detail, [place], {}
    if isinstance(error, Http404):
        return 404, "not_found", "There is no such object here.", [], {}
    if isinstance(error, PermissionDenied):
        return 403, "permission_denied", "You may not do this.", [], {}
    if is_unavailable(error):
        detail = "A part of the platform is away; nothing was decided. Try again."
        return 503, "unavailable", detail, [], {"Retry-After": str(RETRY_AFTER_S)}
    return 500, "internal_error", "Something went wrong; it has been logged.", [], {}


def _describe_domain(error: DomainError) -> Description:
    headers: dict[str, str] = {}
    retry_after = getattr(error, "retry_after_s", None)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
    return error.status, error.code, error.detail, list(_errors_of(error)), headers


def _errors_of(error: DomainError) -> Iterator[dict[str, str]]:
    """Yield the entries of `errors`: places in a document, or reasons."""
    if isinstance(error, PolicyInvalid):
        yield from map(dataclasses.asdict, error.errors)
    elif isinstance(error, StillRefused):
        for reason in error.reasons:
            yield {
                "pointer": "",
                "code": reason["code"],
                "detail": reason["message"],
            }
    elif error.pointer is not None:
        yield {"pointer": error.pointer, "code": error.code, "detail": error.detail}


def _describe_api(error: exceptions.APIException) -> Description:
    headers = {}
    if (scheme := getattr(error, "auth_header", None)) is not None:
        headers["WWW-Authenticate"] = scheme
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait))
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else error.default_code
    detail = str(getattr(error, "detail", error))
    errors = []
    if pointer := getattr(error, "pointer", ""):
        errors.append({"pointer": pointer, "code": code, "detail": detail})
    return error.status_code, code, detail, errors, headers


def is_unavailable(error: BaseException | None) -> bool:
    """Return whether an engine is unavailable, so that a retry may succeed."""
    return isinstance(error, (OperationalError, InterfaceError, PoolTimeout))


def _flatten(details: Any, pointer: str) -> Iterable[dict[str, str]]:
    """Turn DRF's nested details into a list of {pointer, code, detail}."""
    if isinstance(details, Mapping):
        if "message" in details and "code" in details:
            yield {
                "pointer": pointer,
                "code": details["code"],
                "detail": str(details["message"]),
            }
            return
        for key, value in details.items():
            step = "" if key == "non_field_errors" else f"/{key}"
            yield from _flatten(value, pointer + step)
        return
    nested = any(
        isinstance(item, Mapping) and "message" not in item for item in details
    )
    for index, item in enumerate(details):
        yield from _flatten(item, f"{pointer}/{index}" if nested else pointer)


def audit_refusal(status: int, code: str, request: HttpRequest | Request) -> None:
    """Record the refusal or failure in the audit log, if the database is there."""
    if status in (400, 411, 413, 415, 422, 429):  # Malformed, or audited already.
        return
    if code in AUDITED_BY_SERVICE:
        return
    try:
        record_refusal(
            method=request.method, path=request.path, status=status, code=code
        )
    except Exception:  # noqa: BLE001 - the answer matters more; it is logged.
        logger.warning("Could not audit %s %s", status, code)


# The refusing service has already recorded these, with more details.
AUDITED_BY_SERVICE = frozenset({"account_locked", *PROOF_EVENTS})
