from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    """Add facts about the installation to every template's context."""
    return {
        "platform": {
            "environment": settings.ENVIRONMENT,
            "demo": settings.DEMO,
            "four_eyes": settings.FOUR_EYES,
            "second_factor_required": settings.MFA_REQUIRED,
            "single_sign_on": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
        }
    }
