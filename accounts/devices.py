"""Browsers that have signed in before: their failures are counted separately.

Otherwise a stranger who guesses passwords could lock the owner out.
"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from accounts.core.usernames import lock_out_name

COOKIE = "__Host-device" if settings.PRODUCTION else "device"
SALT = "accounts.device"
AGE_S = 180 * 24 * 3600


def name_and_device(request: HttpRequest, typed: str) -> str:
    """Return what tries at a name from this browser are counted under."""
    name = lock_out_name(typed)
    known = request.get_signed_cookie(COOKIE, "", SALT, AGE_S)
    owner, _, device = (known or "").partition(".")
    return f"{_digest(name)} {device if owner == _digest(name) else ''}"


def remember(response: HttpResponse, username: str) -> None:
    """Mark the browser that gets this response as one of this person's."""
    mark = f"{_digest(lock_out_name(username))}.{secrets.token_urlsafe(16)}"
    response.set_signed_cookie(
        COOKIE,
        mark,
        SALT,
        max_age=AGE_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def _digest(name: str) -> str:
    return salted_hmac(SALT, name, algorithm="sha256").hexdigest()
