"""What Django's own middleware does not do: strict addresses, a browser policy."""

from __future__ import annotations

from collections.abc import Callable

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.core.exceptions import BadRequest, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from audit.core.visible import visible
from platform_site.refused import ParameterRefused

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


class RefuseNulMiddleware:
    """Answers 400 to a NUL in an address: no id has one, no database column takes it.

    Here once, for every view that looks something up by what the address says.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        if "\x00" in request.path or "\x00" in query or "%00" in query:
            raise BadRequest("NUL in the address.")
        return self.get_response(request)


# The parameters of our own pages, by name; the others take none.
PAGE_PARAMETERS = {
    "agents:agent-list": {"page"},
    "docs": {"script"},
    "security:change-list": {"page"},
    "transactions:approval-queue": {"page"},
    "transactions:transaction-list": {"outcome", "status", "agent", "before"},
}
# The API (audit/strict_query.py) and the console check their own parameters; allauth's
# pages are not ours.
ELSEWHERE = ("/api/v1/", "/admin/", "/accounts/")


class StrictQueryMiddleware:
    """Answers 400 to a parameter given twice, and to one that a page does not know.

    Django would take the last of two, and ignore an unknown one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        for name in _repeated(request):
            told = visible(name[:40])
            raise ParameterRefused(f"The parameter “{told}” is given more than once.")
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: object
    ) -> None:
        match = request.resolver_match
        if match is None or request.path.startswith(ELSEWHERE):
            return
        unknown = set(request.GET) - PAGE_PARAMETERS.get(match.view_name, set())
        if unknown:
            name = visible(min(unknown)[:40])
            raise ParameterRefused(f"This page takes no parameter “{name}”.")


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
