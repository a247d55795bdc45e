"""Credentials by API, and the exchange of one for an access token."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsPerson, person_of
from agents.api.shared import HighRiskWritesView
from agents.errors import CredentialEnded, CredentialRefused
from agents.models import AgentCredential
from agents.queries import agent_for, credentials_of
from agents.services.credentials import (
    CREDENTIAL_DAYS,
    CREDENTIAL_DAYS_MAX,
    OVERLAP_HOURS,
    OVERLAP_HOURS_MAX,
    IssuedCredential,
    IssuedToken,
    exchange_credential,
    issue_credential,
    revoke_credential,
    rotate_credential,
)
from audit.base.raises import raises
from audit.base.serializers import (
    StrictCharField,
    StrictIntegerField,
    StrictSerializer,
    body_of,
    refuse_fields,
)
from audit.base.strict_query import StrictQueryView

# Longer than any id or secret of ours; a longer text is refused before it is hashed.
CLIENT_TEXT_MAX = 128


class AgentTokenInput(StrictSerializer):
    client_id = StrictCharField(max_length=CLIENT_TEXT_MAX)
    client_secret = StrictCharField(max_length=CLIENT_TEXT_MAX, trim_whitespace=False)


class AgentTokenOutput(serializers.Serializer[IssuedToken]):
    access = serializers.CharField()
    expires_in = serializers.IntegerField(
        source="expires_in_s", help_text="Seconds until the access token ends."
    )


class CredentialInput(StrictSerializer):
    expires_in_days = StrictIntegerField(
        default=CREDENTIAL_DAYS,
        min_value=1,
        max_value=CREDENTIAL_DAYS_MAX,
    )

    public_key = StrictCharField(
        default="",
        allow_blank=True,
        max_length=64,
        help_text="The agent's Ed25519 public key: 32 raw bytes in base64. With it"
        " requests are signed by ed25519, without by hmac-sha256 and our secret.",
    )


class RotationInput(CredentialInput):
    overlap_hours = StrictIntegerField(
        default=OVERLAP_HOURS,
        min_value=0,
        max_value=OVERLAP_HOURS_MAX,
        help_text="How long the old credential stays good.",
    )


class CredentialOutput(serializers.ModelSerializer[AgentCredential]):
    client_id = serializers.CharField(source="pk", read_only=True)
    signature_algorithm = serializers.CharField(read_only=True)
    replaces = serializers.CharField(
        source="replaces_id", allow_null=True, read_only=True
    )

    class Meta:
        model = AgentCredential
        fields = [
            "id",
            "client_id",
            "signature_algorithm",
            "public_key",
            "replaces",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        ]
        read_only_fields = fields


class IssuedCredentialOutput(serializers.Serializer[IssuedCredential]):
    id = serializers.CharField()
    client_id = serializers.CharField(source="id")
    client_secret = serializers.CharField(help_text="Shown this once.")
    signing_secret = serializers.CharField(
        help_text="Signs requests (HMAC-SHA256). Shown this once. Empty with a public"
        " key, whose private half signs."
    )
    signature_algorithm = serializers.CharField()
    expires_at = serializers.DateTimeField()


class AgentTokenView(StrictQueryView):
    """Exchange an agent's client id and secret for an access token."""

    authentication_classes = []
    permission_classes = [AllowAny]
    rate_class = "auth"

    @extend_schema(
        operation_id="auth_agent_token_create",
        examples=[
            OpenApiExample(
                "A credential",
                {
                    "client_id": "crd_01kb3yh7m2vq8c5t9x4n6w0zre",
                    "client_secret": "the-secret-that-was-shown-once",
                },
                request_only=True,
            )
        ],
        request=AgentTokenInput,
        responses=AgentTokenOutput,
        auth=[],
        tags=["auth"],
    )
    @raises(CredentialRefused)
    def post(self, request: Request) -> Response:
        given = body_of(AgentTokenInput, request)
        token = exchange_credential(**given)
        return Response(AgentTokenOutput(token).data)


class AgentCredentialListCreateView(
    HighRiskWritesView, generics.GenericAPIView[AgentCredential]
):
    """An agent's credentials, without their secrets; and issuing one."""

    permission_classes = [IsPerson]
    serializer_class = CredentialOutput
    queryset = AgentCredential.objects.none()

    def get_queryset(self) -> QuerySet[AgentCredential]:
        return credentials_of(
            agent_for(person_of(self.request), self.kwargs["agent_id"])
        )

    @extend_schema(
        operation_id="agents_credentials_list",
        responses=CredentialOutput(many=True),
        tags=["agents"],
    )
    def get(self, request: Request, agent_id: str) -> Response:
        """List an agent's credentials, without their secrets."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="agents_credentials_issue",
        request=CredentialInput,
        responses={201: IssuedCredentialOutput},
        tags=["agents"],
    )
    def post(self, request: Request, agent_id: str) -> Response:
        """Issue a credential; its secrets are shown this once."""
        given = body_of(CredentialInput, request)
        issued = issue_credential(agent_id, **given, acting=person_of(request))
        return _issued(issued)


class AgentCredentialRotateView(StrictQueryView):
    """Issue a credential's successor; the old one stays good for the overlap."""

    permission_classes = [IsPerson]
    rate_class = "high_risk"

    @extend_schema(
        operation_id="agents_credentials_rotate",
        request=RotationInput,
        responses={201: IssuedCredentialOutput},
        tags=["agents"],
    )
    @raises(CredentialEnded)
    def post(self, request: Request, agent_id: str, credential_id: str) -> Response:
        given = body_of(RotationInput, request)
        issued = rotate_credential(
            agent_id, credential_id, **given, acting=person_of(request)
        )
        return _issued(issued)


class AgentCredentialRevokeView(StrictQueryView):
    """End a credential; its tokens are refused from the next request on."""

    permission_classes = [IsPerson]
    rate_class = "high_risk"

    @extend_schema(
        operation_id="agents_credentials_revoke",
        request=None,
        responses={204: None},
        tags=["agents"],
    )
    def delete(self, request: Request, agent_id: str, credential_id: str) -> Response:
        refuse_fields(request)
        revoke_credential(
            agent_id, credential_id, reason="by_api", acting=person_of(request)
        )
        return Response(status=204)


def _issued(credential: IssuedCredential) -> Response:
    """Answer with secrets that nobody can read again, and no cache keeps."""
    data: Any = IssuedCredentialOutput(credential).data
    return Response(data, status=201, headers={"Cache-Control": "no-store"})
