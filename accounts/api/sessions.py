"""One's own sessions and account."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries
from accounts.api.shared import session_id_of, signed_out
from accounts.core.roles import ROLE_PERMISSIONS
from accounts.models import Session, Team, User
from accounts.permissions import IsPerson, person_of
from accounts.services.sessions import revoke_all_sessions, revoke_session
from audit.base.serializers import refuse_fields
from audit.base.strict_query import StrictQueryView


class SessionOutput(serializers.ModelSerializer[Session]):
    is_current = serializers.SerializerMethodField(help_text="The one asking.")

    class Meta:
        model = Session
        fields = [
            "id",
            "kind",
            "method",
            "user_agent",
            "address",
            "created_at",
            "authenticated_at",
            "last_seen_at",
            "expires_at",
            "is_current",
        ]
        read_only_fields = fields

    def get_is_current(self, session: Session) -> bool:
        return bool(session.pk == session_id_of(self.context["request"]))


class TeamOutput(serializers.ModelSerializer[Team]):
    class Meta:
        model = Team
        fields = ["id", "name"]
        read_only_fields = fields


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
        read_only_fields = fields

    @extend_schema_field(CapabilitiesOutput)
    def get_capabilities(self, user: User) -> dict[str, bool]:
        return dict(ROLE_PERMISSIONS[user.role])


@extend_schema_view(get=extend_schema(operation_id="auth_sessions_list", tags=["auth"]))
class SessionListView(StrictQueryView, generics.ListAPIView[Session]):
    """One's own live sessions."""

    permission_classes = [IsPerson]
    serializer_class = SessionOutput
    queryset = Session.objects.none()

    def get_queryset(self) -> Any:
        return queries.live_sessions(person_of(self.request), now=timezone.now())


class SessionRevokeView(StrictQueryView):
    """End one of one's own sessions, at once."""

    permission_classes = [IsPerson]

    @extend_schema(
        operation_id="auth_session_revoke",
        request=None,
        responses={204: None},
        tags=["auth"],
    )
    def delete(self, request: Request, session_id: str) -> Response:
        refuse_fields(request)
        acting = person_of(request)
        live = queries.live_sessions(acting, now=timezone.now())
        session = get_object_or_404(live.select_related("user"), pk=session_id)
        revoke_session(session=session, acting=acting, reason="by_owner")
        is_this_one = session_id == session_id_of(request)
        return signed_out(request) if is_this_one else Response(status=204)


class SessionRevokeAllView(StrictQueryView):
    """End all of one's own sign-ins, by API and by browser, this one too."""

    permission_classes = [IsPerson]

    @extend_schema(
        operation_id="auth_sessions_revoke_all",
        request=None,
        responses={204: None},
        tags=["auth"],
    )
    def post(self, request: Request) -> Response:
        refuse_fields(request)
        acting = person_of(request)
        revoke_all_sessions(user=acting, acting=acting, reason="by_owner")
        return signed_out(request)


class MeView(StrictQueryView):
    """The signed-in person, and what they may do."""

    permission_classes = [IsPerson]

    @extend_schema(operation_id="me_retrieve", responses=MeOutput, tags=["auth"])
    def get(self, request: Request) -> Response:
        return Response(MeOutput(person_of(request)).data)
