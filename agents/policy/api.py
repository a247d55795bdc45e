"""An agent's policy by API: the version in force, setting a new one, all versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsPerson, person_of
from agents.api.shared import HighRiskWritesView
from agents.core.categories import CATEGORY_WORDS
from agents.core.countries import COUNTRY_WORDS
from agents.core.mcc import GROUPS
from agents.core.money import CURRENCY_WORDS
from agents.errors import PolicyChanged
from agents.models import PolicyVersion
from agents.policy.core.approval_levels import (
    APPROVALS_MAX,
    DEFAULT_MINUTES,
    MINUTES_MAX,
    MINUTES_MIN,
    ROLES,
)
from agents.policy.core.draft import DEFAULT_CURRENCY, PolicyInvalid, parse_terms
from agents.policy.core.hours import DAYS, UTC
from agents.policy.core.limits import Per, Period, Window
from agents.policy.core.policy import to_wire
from agents.policy.services import set_policy
from agents.queries import agent_for, policy_versions, terms_of
from audit.base.core.entity_tags import quoted_tags
from audit.base.errors import NotFound
from audit.base.raises import raises
from audit.base.serializers import StrictSerializer, WordField
from audit.base.strict_query import StrictQueryView
from security.changes.api import WAITS, ChangeRequestOutput
from security.changes.models import ChangeRequest

VERSION = re.compile(r"[0-9]{1,9}")
IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The ETag of the policy that you read; 412 if there is a newer one.",
)


class LimitInput(serializers.Serializer[Any]):
    """At most an amount, a count, or both, in a period."""

    period = serializers.ChoiceField(choices=list(Period))
    window = serializers.ChoiceField(choices=list(Window), default=Window.CALENDAR)
    per = serializers.ChoiceField(
        choices=list(Per), default=Per.AGENT, help_text="What is counted apart."
    )
    name = serializers.CharField(
        default="",
        allow_blank=True,
        help_text="One merchant or category; empty: each of them.",
    )
    amount = serializers.CharField(allow_null=True, default=None)
    count = serializers.IntegerField(allow_null=True, default=None)


class LimitOutput(serializers.Serializer[Any]):
    period = serializers.ChoiceField(choices=list(Period))
    window = serializers.ChoiceField(choices=list(Window))
    per = serializers.ChoiceField(choices=list(Per))
    name = serializers.CharField()
    amount = serializers.CharField(allow_null=True)
    count = serializers.IntegerField(allow_null=True)


class ApprovalLevelInput(StrictSerializer):
    """What an amount takes; levels are ordered, none weaker than the one before."""

    above = serializers.CharField(help_text='Such as "5000.00".')
    approvals = serializers.IntegerField(min_value=1, max_value=APPROVALS_MAX)
    role = serializers.ChoiceField(choices=ROLES, help_text="The least that may.")


class ApprovalLevelOutput(serializers.Serializer[Any]):
    above = serializers.CharField()
    approvals = serializers.IntegerField()
    role = serializers.ChoiceField(choices=ROLES)


class AllowedHours(serializers.Serializer[Any]):
    """Documents the hours of some days."""

    def get_fields(self) -> dict[str, Any]:
        """Return `days`, `from` and `to`; `from` cannot be a name in Python."""
        return {
            "days": serializers.ListField(child=serializers.ChoiceField(DAYS)),
            "from": serializers.CharField(help_text='Such as "08:00".'),
            "to": serializers.CharField(help_text='Such as "18:00".'),
        }


@extend_schema_field(AllowedHours)
class HoursField(serializers.JSONField):
    """Hours of some days; the core reads them."""


class PolicyInput(StrictSerializer):
    """A draft policy. The answer lists all that is wrong, each with its pointer."""

    currency = WordField(CURRENCY_WORDS, default=DEFAULT_CURRENCY)
    max_transaction_amount = serializers.CharField(help_text='Such as "1000.00".')
    requires_approval_above = serializers.CharField(
        allow_null=True, help_text="Null: no amount needs a human."
    )
    daily_budget = serializers.CharField(allow_null=True, default=None)
    max_transactions_per_hour = serializers.IntegerField(allow_null=True, default=None)
    allowed_merchants = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="Null: any merchant. Empty: none.",
    )
    blocked_categories = serializers.ListField(
        child=WordField(CATEGORY_WORDS),
        help_text="Their other names are taken, too: /docs/vocabularies/categories/.",
    )
    allowed_functions = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        required=False,
        help_text="Null: any that only reads. Empty: none.",
    )
    requires_signature = serializers.BooleanField(default=False)
    time_zone = serializers.CharField(
        default=UTC, help_text="IANA name; hours and calendar periods follow it."
    )
    limits = LimitInput(many=True, required=False)
    approval_levels = ApprovalLevelInput(many=True, required=False)
    approval_expires_after_minutes = serializers.IntegerField(
        default=DEFAULT_MINUTES, min_value=MINUTES_MIN, max_value=MINUTES_MAX
    )
    approval_escalates_after_minutes = serializers.IntegerField(
        allow_null=True,
        default=None,
        min_value=MINUTES_MIN,
        max_value=MINUTES_MAX,
        help_text="Null: never. Before the request expires.",
    )
    allowed_countries = serializers.ListField(
        child=WordField(COUNTRY_WORDS),
        allow_null=True,
        default=None,
        help_text="ISO 3166-1 alpha-2. Null: any country. Empty: none.",
    )
    blocked_countries = serializers.ListField(
        child=WordField(COUNTRY_WORDS), required=False
    )
    allowed_hours = serializers.ListField(
        child=HoursField(),
        allow_null=True,
        default=None,
        help_text="In time_zone, `to` not included. Null: at any time. Empty: never.",
    )
    blocked_mcc_groups = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(GROUPS)), required=False
    )
    blocked_mccs = serializers.ListField(child=serializers.CharField(), required=False)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Leave reading to the core, which knows money, merchants and categories."""
        if not isinstance(data, Mapping):
            return dict(super().to_internal_value(data))
        try:
            return {"terms": parse_terms(data)}
        except PolicyInvalid as invalid:
            raise ValidationError(
                {
                    error.pointer.removeprefix("/"): [
                        ErrorDetail(error.detail, error.code)
                    ]
                    for error in invalid.errors
                }
            ) from invalid


class PolicyOutput(serializers.Serializer[PolicyVersion]):
    id = serializers.CharField()
    object = serializers.CharField(default="policy", read_only=True)
    agent = serializers.CharField(source="agent_id")
    version = serializers.IntegerField(source="number")
    currency = serializers.CharField()
    max_transaction_amount = serializers.CharField()
    requires_approval_above = serializers.CharField(allow_null=True)
    daily_budget = serializers.CharField(allow_null=True)
    max_transactions_per_hour = serializers.IntegerField(allow_null=True)
    allowed_merchants = serializers.ListField(
        child=serializers.CharField(), allow_null=True
    )
    blocked_categories = serializers.ListField(child=serializers.CharField())
    allowed_functions = serializers.ListField(
        child=serializers.CharField(), allow_null=True
    )
    requires_signature = serializers.BooleanField()
    time_zone = serializers.CharField()
    limits = LimitOutput(many=True)
    approval_levels = ApprovalLevelOutput(many=True)
    approval_expires_after_minutes = serializers.IntegerField()
    approval_escalates_after_minutes = serializers.IntegerField(allow_null=True)
    allowed_countries = serializers.ListField(
        child=serializers.CharField(), allow_null=True
    )
    blocked_countries = serializers.ListField(child=serializers.CharField())
    allowed_hours = serializers.ListField(child=HoursField(), allow_null=True)
    blocked_mcc_groups = serializers.ListField(child=serializers.CharField())
    blocked_mccs = serializers.ListField(child=serializers.CharField())
    created_by = serializers.CharField(source="created_by_id")
    created_at = serializers.DateTimeField()

    def to_representation(self, instance: PolicyVersion) -> dict[str, Any]:
        return {
            "id": instance.pk,
            "object": "policy",
            "agent": instance.agent_id,
            "version": instance.number,
            **to_wire(terms_of(instance)),
            "created_by": instance.created_by_id,
            "created_at": instance.created_at,
        }


class AgentPolicyView(HighRiskWritesView):
    """The limits in force for one agent."""

    permission_classes = [IsPerson]

    @extend_schema(
        operation_id="agents_policy_retrieve", responses=PolicyOutput, tags=["agents"]
    )
    def get(self, request: Request, agent_id: str) -> Response:
        version = agent_for(person_of(request), agent_id).policy_version
        if version is None:
            raise NotFound("The agent has no policy yet; nothing is allowed.")
        return _answer(version)

    @extend_schema(
        operation_id="agents_policy_set",
        parameters=[IF_MATCH],
        request=PolicyInput,
        responses={
            200: PolicyOutput,
            202: WAITS,
        },
        tags=["agents"],
    )
    @raises(PolicyChanged)
    def put(self, request: Request, agent_id: str) -> Response:
        """Set the policy. Looser limits of one's own live agent wait for another."""
        given = PolicyInput(data=request.data)
        given.is_valid(raise_exception=True)
        outcome = set_policy(
            agent_id,
            given.validated_data["terms"],
            expected_numbers=_expected_numbers(request),
            acting=person_of(request),
        )
        if isinstance(outcome, ChangeRequest):
            return Response(ChangeRequestOutput(outcome).data, status=202)
        return _answer(outcome)


class AgentPolicyVersionListView(StrictQueryView, generics.ListAPIView[PolicyVersion]):
    """All versions of an agent's policy, newest first."""

    permission_classes = [IsPerson]
    serializer_class = PolicyOutput
    queryset = PolicyVersion.objects.none()
    ordering = ("-number",)

    def get_queryset(self) -> QuerySet[PolicyVersion]:
        return policy_versions(
            agent_for(person_of(self.request), self.kwargs["agent_id"])
        )

    @extend_schema(operation_id="agents_policy_versions_list", tags=["agents"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


def _answer(version: PolicyVersion) -> Response:
    headers = {"ETag": f'"{version.number}"'}
    return Response(PolicyOutput(version).data, headers=headers)


def _expected_numbers(request: Request) -> set[int] | None:
    """Return the version numbers that If-Match quotes, None where any will do."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    return {int(tag) for tag in quoted_tags(header) if VERSION.fullmatch(tag)}
