"""The request context: set once, before anything else may write to the log."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from audit.base import context

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


class RequestContextMiddleware:
    """Keeps the address, user agent and id of each request for the log.

    The caller's X-Request-ID is kept when it is plain, so that their logs and ours
    can be laid side by side; anything else gets a new one. It is echoed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = _request_id(request.headers.get("X-Request-ID", ""))
        request.META["platform.request_id"] = request_id
        with context.acting_as(
            context.Anonymous(),
            address=context.client_address(request),
            user_agent=request.headers.get("User-Agent", "")[:1000],
            request_id=request_id,
        ):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


def _request_id(sent: str) -> str:
    return sent if _REQUEST_ID.match(sent) else secrets.token_hex(16)
