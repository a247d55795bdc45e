"""An agent's access token, and its request's signature where it has one."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import tokens
from accounts.authentication import bearer_token
from accounts.errors import TokenEnded, TokenRefused
from accounts.tokens import AgentAccess
from agents.errors import SignatureRequired
from agents.principals import AgentPrincipal
from agents.queries import LiveCredential, live_credential
from audit.base import context
from security.signing import requests as signed_requests


class AgentAuthentication(BaseAuthentication):
    """Authorization: Bearer <agent's access token>. One query.

    Revoking the credential, deactivating the agent or its owner refuses the next
    request. A signature is verified wherever one is sent, and asked for where the
    agent's policy wants one.
    """

    def authenticate(
        self, request: Request
    ) -> tuple[AgentPrincipal, AgentAccess] | None:
        raw = bearer_token(request)
        if raw is None or tokens.claimed_type(raw) != AgentAccess.token_type:
            return None
        now = timezone.now()
        try:
            token = tokens.decode(raw, AgentAccess)
            credential = self._credential(token, now)
        except TokenRefused as error:
            raise AuthenticationFailed(error.detail, error.code) from error
        principal = AgentPrincipal(
            principal_id=credential.agent_id,
            owner_id=credential.owner_id,
            label=credential.agent_name,
            mode=credential.agent_mode,
            credential_id=credential.id,
            authenticated_at=datetime.fromtimestamp(token["iat"], UTC),
            policy_version_id=credential.policy_version_id,
        )
        # Before the signature, so that the log of a refusal knows whose it was.
        context.set_principal(principal)
        self._check_signature(request, credential, now)
        return principal, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'

    def _credential(self, token: AgentAccess, now: datetime) -> LiveCredential:
        credential = live_credential(token.session, agent_id=token.subject, now=now)
        if credential is None:
            raise TokenEnded
        return credential

    def _check_signature(
        self, request: Request, credential: LiveCredential, now: datetime
    ) -> None:
        """Verify the signature, if any. Raises SignatureRefused, SignatureRequired."""
        if signed_requests.is_signed(request):
            signed_requests.verify(
                request,
                key_id_expected=credential.id,
                key=credential.verifying_key(),
                now=now,
            )
        elif credential.requires_signature:
            raise SignatureRequired


class AgentScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How docs/openapi.yaml speaks of it."""

    target_class = AgentAuthentication
    name = "agent_token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An agent's access token, from auth/agent-token/.",
        }
