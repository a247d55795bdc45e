"""Django's test client as a browser in which somebody has signed in, for real."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.test import Client, RequestFactory

from accounts.models import User
from accounts.services.sign_in import start_browser_session


def sign_in(client: Client, person: User, *, method: str = "password") -> None:
    """Give the client the cookie of a new sign-in, which has its row as any other."""
    request: Any = RequestFactory().get("/accounts/login/")
    request.session = import_module(settings.SESSION_ENGINE).SessionStore()
    start_browser_session(request=request, user=person, method=method)
    request.session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = request.session.session_key
