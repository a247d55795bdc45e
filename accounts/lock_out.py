"""What django-axes asks of us: who failed, from where, and how to answer."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse

from accounts.core.usernames import lock_out_name
from audit.context import address_group, client_address


def name_of(request: HttpRequest, credentials: Mapping[str, object] | None) -> str:
    """Return the name that a failure counts for, the same for all its spellings."""
    typed = (credentials or {}).get("username")
    return lock_out_name(typed) if isinstance(typed, str) else ""


def address_of(request: HttpRequest) -> str:
    """Return the address that a failure counts for: IPv6 by its /64."""
    return address_group(client_address(request))


def answer(
    request: HttpRequest,
    response: HttpResponse,
    credentials: Mapping[str, object] | None,
) -> HttpResponse:
    """Keep the view's answer: both doors answer 429 with Retry-After themselves."""
    return response
