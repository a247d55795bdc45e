"""A person's access token: verified, then looked up, so that revoking is at once."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import queries, tokens
from accounts.errors import TokenRefused
from accounts.models import User
from accounts.tokens import AgentAccess, PersonAccess
from audit import context

SCHEME = "bearer"
# Where a browser session keeps when its person proved who they are.
AUTHENTICATED_AT = "authenticated_at"


class PersonAuthentication(BaseAuthentication):
    """Authorization: Bearer <person's access token>. One query.

    Leaves an agent's token to the next authenticator; anything else that is not
    valid is refused here and tried no further.
    """

    def authenticate(self, request: Request) -> tuple[User, PersonAccess] | None:
        raw = bearer_token(request)
        if raw is None or tokens.claimed_type(raw) == AgentAccess.token_type:
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
        session = queries.session_for_access(
            token.session, token.subject, now=timezone.now()
        )
        if session is None:
            raise TokenRefused
        session.user.authenticated_at = session.created_at
        return session.user


def bearer_token(request: Request) -> str | None:
    """Return the token of the Authorization header, or None without one."""
    scheme, _, raw = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return raw.strip() if scheme.lower() == SCHEME else None


class PersonScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How docs/openapi.yaml speaks of it."""

    target_class = "accounts.authentication.PersonAuthentication"
    name = "person_token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A person's access token, from auth/token/.",
        }
