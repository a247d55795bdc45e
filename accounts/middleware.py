"""The person signed in by browser, and the answers of pages to refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import suspend_request
from allauth.account.internal.stagekit import clear_login
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.core.handlers.exception import response_for_exception
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts import queries
from accounts.errors import AccountLocked, InvalidCredentials, OwnPasswordRequired
from accounts.models import Session, User
from accounts.services.sessions import touch
from accounts.services.sign_in import SIGN_IN
from audit.base import context
from audit.base.context import Anonymous, Principal
from audit.base.errors import NotFound
from security.errors import StepUpRequired

API = "/api/"
# What somebody who must enrol a second factor may open before they have.
ENROLMENT = frozenset(
    {
        "account_logout",
        "account_reauthenticate",
        "mfa_index",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_view_recovery_codes",
        "livez",
        "readyz",
    }
)


class PersonMiddleware(AuthenticationMiddleware):
    """Sets request.user from the session's row, also for the audit log.

    Both are lazy. Requests by token set their own principal.
    """

    def process_request(self, request: HttpRequest) -> None:
        request.user = SimpleLazyObject(lambda: _person(request))  # type: ignore[assignment]
        context.set_principal(SimpleLazyObject(lambda: _principal(request)))


def _person(request: HttpRequest) -> User | AnonymousUser:
    """Return the person of a live sign-in: one query, and a write once a minute."""
    sign_in, user_id = request.session.get(SIGN_IN), request.session.get(SESSION_KEY)
    if not sign_in or not user_id:
        return AnonymousUser()
    now = timezone.now()
    session = queries.live_session(sign_in, user_id, kind=Session.Kind.BROWSER, now=now)
    if session is None:
        return AnonymousUser()
    touch(session, now=now)
    session.user.authenticated_at = session.authenticated_at
    return session.user


def _principal(request: HttpRequest) -> Principal:
    return request.user if isinstance(request.user, User) else Anonymous()


class PageRefusalMiddleware:
    """Turns refusals that any page may raise into what a browser can follow."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: object
    ) -> HttpResponseBase | None:
        """Let a person who must enrol a second factor do only that."""
        if request.path.startswith(API) or not isinstance(request.user, User):
            return None
        match = request.resolver_match
        if match and match.view_name in ENROLMENT:
            return None
        if queries.owes_second_factor(request.user):
            return redirect("mfa_index")
        return None

    def process_exception(
        self, request: HttpRequest, error: Exception
    ) -> HttpResponseBase | None:
        if request.path.startswith(API):
            return None
        match error:
            case NotFound():
                return response_for_exception(request, Http404(error.detail))
            case StepUpRequired():
                return self._ask_for_proof(request)
            case AccountLocked():
                return self._locked_out(request, error.retry_after_s)
            case OwnPasswordRequired():
                return redirect(error.link)
            case InvalidCredentials():
                clear_login(request)
                messages.error(request, error.detail)
                return redirect("account_login")
        return None

    def _ask_for_proof(self, request: HttpRequest) -> HttpResponseBase:
        """Send to step-up, which takes the request up again where it was stopped."""
        methods: list[dict[str, Any]] = get_adapter().get_reauthentication_methods(
            request.user
        )
        response: HttpResponseBase = suspend_request(request, methods[0]["url"])
        return response

    def _locked_out(self, request: HttpRequest, retry_after_s: int) -> HttpResponse:
        values = {"retry_after_minutes": -(-retry_after_s // 60)}
        response = render(request, "accounts/locked_out.html", values, status=429)
        response["Retry-After"] = str(retry_after_s)
        return response
