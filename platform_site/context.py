from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    """What every template may know of the installation."""
    return {
        "site": {
            "environment": settings.ENVIRONMENT,
            "demo": settings.DEMO,
        }
    }
