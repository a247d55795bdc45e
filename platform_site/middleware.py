"""What Django's own middleware does not do: strict addresses, a browser policy."""

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

from audit.core.visible import visible
from audit.refused import (
    HttpsRequired,
    ParameterRefused,
    SlashMissing,
    refuse_unknown,
)

# What may be asked again elsewhere: a redirect changes nothing about it.
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
    """Answers 400 to a NUL in an address, and to a change that came in the clear.

    No id has a NUL, no database column takes one. A redirect to https would be followed
    by a GET, as every 301 is: the change would be lost, and look as if it were made.
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


# The parameters of the pages, by name; the others take none.
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
# A form of the console remembers the list it was opened from; a pop-up says that it is.
FORM_PARAMETERS = {"_changelist_filters", "_popup", "_to_field"}
FORMS = re.compile(r"admin:\w+_(add|change)")
# Lists check their own: those of the API (audit/strict_query.py) and those of the
# console, which its exports are. An identity provider may answer with anything, and
# its client is to ignore what it does not know (RFC 6749, 4.1.2).
LISTS = re.compile(r"admin:\w+_(changelist|export)|openid_connect_callback")


class HostMiddleware(CommonMiddleware):
    """Checks the Host, but not of a health check: a balancer asks by any name."""

    def process_request(
        self, request: HttpRequest
    ) -> HttpResponsePermanentRedirect | None:
        if request.path_info in HEALTH:
            return None
        return super().process_request(request)


class StrictAddressMiddleware:
    """Refuses what Django would answer as if something else had been asked.

    400 to a parameter given twice, of which it takes the last, and to one that a page
    does not know, which it ignores. 404 to a change at an address that lacks its slash:
    clients follow its 301 with a GET, and read the list that they get as the answer.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in READS and _lacks_its_slash(request):
            raise SlashMissing(f"{request.path}/")
        for name in _repeated(request):
            told = visible(name[:40])
            raise ParameterRefused(f"The parameter “{told}” is given more than once.")
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
        return []  # The view meets it too, and the answer says so.


class ContentPolicyMiddleware(CSPMiddleware):
    """Adds Content-Security-Policy: CONTENT_SECURITY_POLICY's for pages.

    What is no page, an answer of the API or a file, may load nothing at all.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if response.get("Content-Type", "text/html").startswith("text/html"):
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, NOTHING)
        return response


class BrowserPolicyMiddleware:
    """Adds Permissions-Policy and Cross-Origin-Resource-Policy; nothing is cached."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("Cache-Control", "no-store")
        return response
