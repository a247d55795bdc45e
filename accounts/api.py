"""Sign-in by API, one's own sessions, and who one is."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import queries, services
from accounts.core.roles import ROLE_PERMISSIONS
from accounts.core.usernames import MAX_LENGTH
from accounts.lock_out import digest_of
from accounts.models import Session, Team, User
from accounts.permissions import IsPerson, person_of
from accounts.tokens import PersonAccess
from audit.serializers import StrictSerializer

# Long enough for any passphrase; a longer text is refused before it is hashed.
PASSWORD_MAX_LENGTH = 256
REFRESH_MAX_LENGTH = 256


class TokenInput(StrictSerializer):
    username = serializers.CharField(max_length=MAX_LENGTH)
    password = serializers.CharField(
        max_length=PASSWORD_MAX_LENGTH, trim_whitespace=False
    )


class RefreshInput(StrictSerializer):
    refresh = serializers.CharField(max_length=REFRESH_MAX_LENGTH)


class TokenPairOutput(serializers.Serializer[services.TokenPair]):
    access = serializers.CharField()
    refresh = serializers.CharField(help_text="Good for one use.")
    expires_in = serializers.IntegerField(
        source="expires_in_s", help_text="Seconds until the access token ends."
    )


class SessionOutput(serializers.ModelSerializer[Session]):
    is_current = serializers.SerializerMethodField(help_text="The one asking.")

    class Meta:
        model = Session
        fields = [
            "id",
            "user_agent",
            "address",
            "created_at",
            "last_seen_at",
            "expires_at",
            "is_current",
        ]

    def get_is_current(self, session: Session) -> bool:
        return bool(session.pk == _session_id(self.context["request"]))


class TeamOutput(serializers.ModelSerializer[Team]):
    class Meta:
        model = Team
        fields = ["id", "name"]


class CapabilitiesOutput(serializers.Serializer[Any]):
    can_manage_agents = serializers.BooleanField()
    can_approve_transactions = serializers.BooleanField()
    can_view_all_data = serializers.BooleanField()


class MeOutput(serializers.ModelSerializer[User]):
    capabilities = serializers.SerializerMethodField()
    team = TeamOutput(allow_null=True)

    class Meta:
        model = User
        fields = ["id", "username", "role", "capabilities", "team"]

    @extend_schema_field(CapabilitiesOutput)
    def get_capabilities(self, user: User) -> dict[str, bool]:
        return dict(ROLE_PERMISSIONS[user.role])


class TokenCreateView(APIView):
    """Exchange a username and password for a pair of tokens."""

    authentication_classes = []
    permission_classes = [AllowAny]
    rate_class = "auth"

    def counted_about(self, request: Request) -> str:
        """Count guesses at one name together, however many addresses they come from.

        A client without cookies has no known device; the page tells its own apart.
        """
        body = request.data
        typed = body.get("username") if isinstance(body, dict) else None
        # The serializer takes a number for its digits.
        return "" if typed is None else f"name:{digest_of(str(typed))}"

    @extend_schema(
        operation_id="auth_token_create",
        request=TokenInput,
        responses=TokenPairOutput,
        auth=[],
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        given = TokenInput(data=request.data)
        given.is_valid(raise_exception=True)
        # axes and Django's signals know the request of Django, not DRF's wrapper.
        pair = services.sign_in(request=request._request, **given.validated_data)
        return Response(TokenPairOutput(pair).data)


class TokenRefreshView(APIView):
    """Spend a refresh token for a new pair. Presenting a spent one ends the session."""

    authentication_classes = []
    permission_classes = [AllowAny]
    rate_class = "auth"

    @extend_schema(
        operation_id="auth_token_refresh",
        request=RefreshInput,
        responses=TokenPairOutput,
        auth=[],
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        given = RefreshInput(data=request.data)
        given.is_valid(raise_exception=True)
        pair = services.refresh_session(**given.validated_data)
        return Response(TokenPairOutput(pair).data)


class TokenRevokeView(APIView):
    """End the session of the access token that is presented, at once."""

    permission_classes = [IsPerson]

    @extend_schema(
        operation_id="auth_token_revoke",
        request=None,
        responses={204: None},
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        services.sign_out(
            request=request._request,
            session_id=_session_id(request),
            acting=person_of(request),
        )
        return Response(status=204)


class SessionListView(generics.ListAPIView[Session]):
    """One's own live sessions."""

    permission_classes = [IsPerson]
    serializer_class = SessionOutput
    queryset = Session.objects.none()

    def get_queryset(self) -> Any:
        return queries.live_sessions(person_of(self.request), now=timezone.now())

    @extend_schema(operation_id="auth_sessions_list", tags=["auth"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class SessionRevokeView(APIView):
    """End one of one's own sessions, at once."""

    permission_classes = [IsPerson]

    @extend_schema(
        operation_id="auth_session_revoke",
        request=None,
        responses={204: None},
        tags=["auth"],
    )
    def delete(self, request: Request, session_id: str) -> Response:
        acting = person_of(request)
        live = queries.live_sessions(acting, now=timezone.now())
        session = get_object_or_404(live.select_related("user"), pk=session_id)
        services.revoke_session(session=session, acting=acting, reason="by_owner")
        return Response(status=204)


class SessionRevokeAllView(APIView):
    """End all of one's own sign-ins, by API and by browser, this one too."""

    permission_classes = [IsPerson]

    @extend_schema(
        operation_id="auth_sessions_revoke_all",
        request=None,
        responses={204: None},
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        acting = person_of(request)
        services.revoke_all_sessions(user=acting, acting=acting, reason="by_owner")
        return Response(status=204)


class MeView(APIView):
    """Who is asking, and what they may do."""

    permission_classes = [IsPerson]

    @extend_schema(operation_id="me_retrieve", responses=MeOutput, tags=["auth"])
    def get(self, request: Request) -> Response:
        return Response(MeOutput(person_of(request)).data)


def _session_id(request: Request) -> str:
    assert isinstance(request.auth, PersonAccess)  # noqa: S101 - as above.
    return request.auth.session
