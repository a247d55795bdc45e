"""A person's access token: verified, then looked up, so that revoking is at once."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import cookies, queries, tokens
from accounts.errors import CredentialsMixed, CsrfRefused, TokenEnded, TokenRefused
from accounts.models import Session, User
from accounts.tokens import AgentAccess, PersonAccess
from audit.base import context

SCHEME = "bearer"


class PersonAuthentication(BaseAuthentication):
    """A person's access token, by Authorization header or by cookie. One query.

    A browser sends the cookie by itself, so with it every request that may change
    something must carry the CSRF token and come from our own origin. Leaves an agent's
    token to the next authenticator; anything else that is not valid is refused here
    and tried no further.
    """

    def authenticate(self, request: Request) -> tuple[User, PersonAccess] | None:
        raw, by_cookie = bearer_token(request), cookies.access_of(request)
        if by_cookie is not None and "HTTP_AUTHORIZATION" in request.META:
            raise CredentialsMixed
        if by_cookie is not None:
            enforce_csrf(request._request)
            raw = by_cookie
        elif raw is None or tokens.claimed_type(raw) == AgentAccess.token_type:
            return None
        try:
            token = tokens.decode(raw, PersonAccess)
            user = self._live_user(token)
        except TokenRefused as error:
            raise AuthenticationFailed(error.detail, error.code) from error
        context.set_principal(user)
        return user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'

    def _live_user(self, token: PersonAccess) -> User:
        session = queries.live_session(
            token.session,
            token.subject,
            kind=Session.Kind.API,
            now=timezone.now(),
        )
        if session is None:
            raise TokenEnded
        session.user.authenticated_at = session.authenticated_at
        return session.user


def bearer_token(request: Request) -> str | None:
    """Return the token of the Authorization header, or None without one."""
    scheme, _, raw = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return raw.strip() if scheme.lower() == SCHEME else None


def enforce_csrf(request: HttpRequest) -> None:
    """Raise CsrfRefused as Django's forms would be: no token, or a foreign origin."""
    check = CSRFCheck(lambda _: None)  # type: ignore[arg-type]
    check.process_request(request)
    if check.process_view(request, None, (), {}):  # type: ignore[arg-type]
        raise CsrfRefused


def refuse_foreign_origin(request: HttpRequest) -> None:
    """Raise CsrfRefused when a browser says that another site's page is asking."""
    check = CSRFCheck(lambda _: None)  # type: ignore[arg-type]
    if "HTTP_ORIGIN" in request.META and not check._origin_verified(request):  # type: ignore[attr-defined] # Django's own rule.
        raise CsrfRefused


class PersonScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How docs/openapi.yaml speaks of it."""

    target_class = "accounts.authentication.PersonAuthentication"
    name = ["person_token", "person_cookie"]

    def get_security_definition(self, auto_schema: object) -> list[dict[str, str]]:
        return [
            {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "A person's access token, from auth/token/.",
            },
            {
                "type": "apiKey",
                "in": "cookie",
                "name": cookies.ACCESS,
                "description": 'The same, from auth/token/ with "cookie": true. '
                "Requests that change something need X-CSRFToken, too.",
            },
        ]
