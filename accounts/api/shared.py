"""What views of tokens and of sessions share."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from accounts import cookies
from accounts.tokens import PersonAccess


def signed_out(request: Request) -> Response:
    """Answer that it is done; a browser gives its cookies back."""
    response = Response(status=204)
    if cookies.access_of(request):
        cookies.take_back(response)
    return response


def session_id_of(request: Request) -> str:
    """Return the id of the session whose token was presented."""
    assert isinstance(request.auth, PersonAccess)  # noqa: S101 - IsPerson let it in.
    return request.auth.session
