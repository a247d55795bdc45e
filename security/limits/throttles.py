"""DRF's throttle, by the limiter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from security.limits.limiter import check_limits

if TYPE_CHECKING:  # DRF's settings import this module while APIView is being made.
    from rest_framework.views import APIView


class GcraThrottle(BaseThrottle):
    """Counts a request in the class that its view names: default, auth, high_risk.

    A view with a method `counted_about(request)` has it counted for that name, too.
    Raises RateLimited or LimiterUnavailable itself, because they carry more than DRF's
    False and wait().
    """

    def allow_request(self, request: Request, view: APIView) -> bool:
        counted_about = getattr(view, "counted_about", None)
        check_limits(
            request,
            getattr(view, "rate_class", "default"),
            about=counted_about(request) if counted_about else "",
        )
        return True
