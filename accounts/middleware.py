"""Tells the audit log who is signed in by browser, without asking the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from accounts.authentication import AUTHENTICATED_AT
from accounts.models import User
from audit import context
from audit.context import Anonymous, Principal


class PersonContextMiddleware:
    """Sets a principal that reads the session only when somebody asks for it.

    Requests by token put their own principal in its place.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        context.set_principal(SimpleLazyObject(lambda: principal_of(request)))
        return self.get_response(request)


def principal_of(request: HttpRequest) -> Principal:
    """Return the person of a browser session, or Anonymous."""
    user = request.user
    if not isinstance(user, User):
        return Anonymous()
    proved = request.session.get(AUTHENTICATED_AT)
    user.authenticated_at = datetime.fromisoformat(proved) if proved else None
    return user
