"""Middleware for strict addresses and browser policies."""

from __future__ import annotations

import re
from collections.abc import Callable

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.core.exceptions import BadRequest, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.urls import is_valid_path

from audit.base.core.visible import visible
from audit.base.refused import (
    HttpsRequired,
    ParameterRefused,
    SlashMissing,
    refuse_unknown,
)

# Methods that may be redirected: they change nothing.
READS = ("GET", "HEAD")
NOTHING = "default-src 'none'; frame-ancestors 'none'"
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)


HEALTH = ("/livez", "/readyz")


class RefuseAddressMiddleware:
    """Answers 400 to a NUL in an address, and to a change sent by plain HTTP.

    No id contains a NUL, and no database column accepts one. A client would follow a
    redirect to https by a GET: the change would be lost, but seem to have been made.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        if "\x00" in request.path or "\x00" in query or "%00" in query:
            raise BadRequest("NUL in the address.")
        is_clear = settings.SECURE_SSL_REDIRECT and not request.is_secure()
        if is_clear and request.method not in READS:
            raise HttpsRequired
        return self.get_response(request)


# Query parameters by page name; other pages take none.
PAGE_PARAMETERS = {
    "account_login": {"next"},
    "account_reauthenticate": {"next"},
    "admin:autocomplete": {"app_label", "field_name", "model_name", "page", "term"},
    "admin:login": {"next"},
    "agents:agent-list": {"mode", "page"},
    "docs": {"script"},
    "mfa_authenticate": {"next"},
    "mfa_login_webauthn": {"next"},
    "mfa_reauthenticate": {"next"},
    "mfa_reauthenticate_webauthn": {"next"},
    "security:change-list": {"page"},
    "transactions:approval-queue": {"mode", "page", "show"},
    "transactions:dashboard": {"mode"},
    "transactions:transaction-list": {
        "agent",
        "before",
        "mode",
        "outcome",
        "status",
    },
}
# The console's forms take the filters of their list, and parameters of pop-ups.
FORM_PARAMETERS = {"_changelist_filters", "_popup", "_to_field"}
FORMS = re.compile(r"admin:\w+_(add|change)")
# The console's lists and exports check their own parameters, as the API's lists do
# (audit/base/strict_query.py). A client of an identity provider must ignore response
# parameters that it does not know (RFC 6749, 4.1.2).
LISTS = re.compile(r"admin:\w+_(changelist|export)|openid_connect_callback")


class HostMiddleware(CommonMiddleware):
    """Checks the Host, except for health checks: a load balancer may use any name."""

    def process_request(
        self, request: HttpRequest
    ) -> HttpResponsePermanentRedirect | None:
        if request.path_info in HEALTH:
            return None
        return super().process_request(request)


class StrictAddressMiddleware:
    """Refuses requests that Django would answer as if they were different ones.

    400 if a parameter is given twice (Django takes the last) or is unknown to the page
    (Django ignores it). 404 for a change whose address lacks the final slash: clients
    follow Django's 301 with a GET, and take the list that it returns for the answer.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in READS and _lacks_its_slash(request):
            raise SlashMissing(f"{request.path}/")
        for name in _repeated(request):
            shown = visible(name[:40])
            raise ParameterRefused(f"The parameter “{shown}” is given more than once.")
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: object
    ) -> None:
        match = request.resolver_match
        if match is None or request.path.startswith("/api/v1/"):
            return
        name = match.view_name
        if not LISTS.fullmatch(name):
            refuse_unknown(request, parameters_of(name))


def parameters_of(name: str) -> set[str]:
    """Return the names of the query parameters that a page takes."""
    if FORMS.fullmatch(name):
        return FORM_PARAMETERS
    return PAGE_PARAMETERS.get(name, set())


def _lacks_its_slash(request: HttpRequest) -> bool:
    path = request.path_info
    return not path.endswith("/") and bool(is_valid_path(f"{path}/"))


def _repeated(request: HttpRequest) -> list[str]:
    try:
        return [name for name, values in request.GET.lists() if len(values) > 1]
    except TooManyFieldsSent:
        return []  # The view raises it again and answers.


class ContentPolicyMiddleware(CSPMiddleware):
    """Adds Content-Security-Policy: CONTENT_SECURITY_POLICY for pages.

    Other responses (of the API, files) may load nothing.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if response.get("Content-Type", "text/html").startswith("text/html"):
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, NOTHING)
        return response


class BrowserPolicyMiddleware:
    """Adds Permissions-Policy, Cross-Origin-Resource-Policy and Cache-Control."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("Cache-Control", "no-store")
        return response
