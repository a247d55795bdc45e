"""Tokens as cookies, for browsers: no script can read them, no other site send them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.core.sessions import API, LIFETIMES
from accounts.services.sessions import TokenPair

# Browsers take these names only with Secure, Path=/ and no Domain, wherever we run.
ACCESS = "__Host-access"
REFRESH = "__Host-refresh"
ATTRIBUTES: dict[str, Any] = {"secure": True, "httponly": True, "samesite": "Strict"}


def access_of(request: HttpRequest | Request) -> str | None:
    """Return the access token that a browser sent by itself, if any."""
    return request.COOKIES.get(ACCESS)


def refresh_of(request: HttpRequest | Request) -> str | None:
    """Return the refresh token that a browser sent by itself, if any."""
    return request.COOKIES.get(REFRESH)


def give(response: Response, pair: TokenPair) -> None:
    """Put both tokens into the browser's keeping."""
    age_s = int(LIFETIMES[API].absolute.total_seconds())
    response.set_cookie(ACCESS, pair.access, max_age=pair.expires_in_s, **ATTRIBUTES)
    response.set_cookie(REFRESH, pair.refresh, max_age=age_s, **ATTRIBUTES)


def forget(response: HttpResponseBase) -> None:
    """Make the browser delete its cache and storage of our pages.

    Not "cookies": that would delete the cookies of the domain's other hosts as well.
    """
    response.headers["Clear-Site-Data"] = '"cache", "storage"'


def take_back(response: Response) -> None:
    """Make the browser delete both tokens, its cache and its storage."""
    forget(response)
    for name in (ACCESS, REFRESH):
        response.set_cookie(name, "", max_age=0, **ATTRIBUTES)
