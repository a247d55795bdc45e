"""Sends every caller of the API the state of their limits."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from security.errors import LimiterUnavailable, RateLimited
from security.limits import limiter


class RateLimitHeadersMiddleware:
    """Puts RateLimit-Policy and RateLimit on the answers under /api/."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith("/api/"):
            return response
        # An address without a view has no throttle; its answer is made already.
        with contextlib.suppress(RateLimited, LimiterUnavailable):
            limiter.count_refusal(request)
        if count := limiter.counted(request):
            for name, value in count.headers.items():
                response.headers[name] = value
        return response
