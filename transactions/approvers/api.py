"""The API of approval delegations: list, create and revoke."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import HasPermission, person_of
from audit.base.raises import raises
from audit.base.serializers import (
    StrictCharField,
    StrictInstantField,
    StrictSerializer,
    body_of,
    refuse_fields,
)
from audit.base.strict_query import StrictQueryView
from transactions.approvers.models import ApprovalDelegation
from transactions.approvers.queries import APPROVE, delegations_of
from transactions.approvers.services.delegations import (
    create_delegation,
    revoke_delegation,
)
from transactions.errors import DelegationEnded

TAGS = ["approvals"]


class DelegationInput(StrictSerializer):
    """Times are RFC 3339; without `starts_at` it begins now. At most 30 days."""

    delegate = StrictCharField(max_length=40, help_text="A person's id.")
    starts_at = StrictInstantField(required=False, default=None)
    ends_at = StrictInstantField()
    reason = StrictCharField(max_length=500)


class DelegationOutput(serializers.ModelSerializer[ApprovalDelegation]):
    object = serializers.CharField(read_only=True, default="approval_delegation")
    delegator = serializers.CharField(source="delegator_id")
    delegate = serializers.CharField(source="delegate_id")
    is_void = serializers.BooleanField(
        read_only=True, help_text="One of the two has changed teams since."
    )

    class Meta:
        model = ApprovalDelegation
        fields = (
            "id",
            "object",
            "delegator",
            "delegate",
            "reason",
            "starts_at",
            "ends_at",
            "created_at",
            "revoked_at",
            "is_void",
        )
        read_only_fields = fields


@extend_schema_view(
    get=extend_schema(operation_id="approval_delegations_list", tags=TAGS)
)
class DelegationListCreateView(
    StrictQueryView, generics.ListAPIView[ApprovalDelegation]
):
    """List the delegations that you gave or received, newest first."""

    permission_classes = [HasPermission(APPROVE)]
    serializer_class = DelegationOutput
    queryset = ApprovalDelegation.objects.none()
    ordering = ("-created_at", "-id")
    rate_class = "default"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method not in SAFE_METHODS:
            self.rate_class = "high_risk"
        super().initial(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[ApprovalDelegation]:
        return delegations_of(person_of(self.request))

    @extend_schema(
        operation_id="approval_delegations_create",
        request=DelegationInput,
        responses={201: DelegationOutput},
        tags=TAGS,
    )
    def post(self, request: Request) -> Response:
        """Let another approver decide in your place. Needs a recent step-up proof."""
        given = body_of(DelegationInput, request)
        delegation = create_delegation(
            given["delegate"],
            starts_at=given["starts_at"],
            ends_at=given["ends_at"],
            reason=given["reason"],
            acting=person_of(request),
        )
        return Response(DelegationOutput(delegation).data, 201)


class DelegationRevokeView(StrictQueryView):
    permission_classes = [HasPermission(APPROVE)]

    @extend_schema(
        operation_id="approval_delegations_revoke",
        request=None,
        responses={200: DelegationOutput},
        tags=TAGS,
    )
    @raises(DelegationEnded)
    def post(self, request: Request, delegation_id: str) -> Response:
        """End a delegation immediately; either of the two people may do so."""
        refuse_fields(request)
        delegation = revoke_delegation(delegation_id, acting=person_of(request))
        return Response(DelegationOutput(delegation).data)
