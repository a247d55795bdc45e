"""The start page and the error pages."""

from __future__ import annotations

import sys

from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.models import User
from audit.base import context
from audit.base.refused import RequestRefused, SlashMissing
from platform_site.error_codes import error_details
from platform_site.errors import (
    RETRY_AFTER_S,
    audit_refusal,
    is_unavailable,
    problem_page,
)
from platform_site.reason_pages import explanations
from security.alerts.core.refusals import PROOF_EVENTS, PROOFS, kind_of


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Redirect to the page where a person of this role works."""
    assert isinstance(request.user, User)  # noqa: S101 - login_required.
    match request.user.role:
        case User.Role.ADMIN:
            return redirect("admin:index")
        case User.Role.MANAGER:
            return redirect("transactions:approval-queue")
        case _:
            return redirect("transactions:dashboard")


@require_safe
def error_page(request: HttpRequest, code: str) -> HttpResponse:
    """Explain an error code; `type` of a problem document links here."""
    reason, detail = explanations().get(code), error_details().get(code)
    if reason is None and detail is None:
        raise Http404
    values = {
        "code": code,
        "reason": reason,
        "detail": detail,
        "kind": kind_of(code),
        "kinds": PROOFS.get(PROOF_EVENTS.get(code, ""), {}).items(),
    }
    return render(request, "errors/code.html", values)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an unreadable request; a too large form also comes here."""
    match exception:
        case RequestDataTooBig():
            detail = "The body is too large. Nothing was changed by it."
            return _failure(request, 413, "too_large", detail)
        case RequestRefused():
            return _failure(request, exception.status, exception.code, exception.detail)
    return _failure(request, 400, "bad_request", "The request could not be read.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _failure(request, 403, "permission_denied", "You may not do this.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    detail = "This form is out of date. Open the page again and repeat the step."
    return _failure(request, 403, "csrf_failed", detail)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    detail = "There is no such page or object here."
    if isinstance(exception, SlashMissing):
        detail = exception.detail
    return _failure(request, 404, "not_found", detail)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an unexpected error, or 503 if an engine is unavailable."""
    if is_unavailable(sys.exception()):
        detail = "A part of the platform is away; nothing was decided. Try again."
        response = _failure(request, 503, "unavailable", detail)
        response["Retry-After"] = str(RETRY_AFTER_S)
        return response
    detail = "Something went wrong; it has been logged."
    return _failure(request, 500, "internal_error", detail)


def _failure(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponse:
    # Wrong addresses from anonymous clients are too many and of no use in the log.
    if status >= 500 or context.current().principal.kind != "anonymous":
        audit_refusal(status, code, request)
    if request.path.startswith("/api/"):
        return problem_page(request, status, code, detail)
    values = {"status": status, "code": code, "detail": detail}
    return render(request, "errors/failure.html", values, status=status)
