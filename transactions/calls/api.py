"""The API of function calls: agents create them; agents and people read them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListCreateAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.permissions import IsPerson
from agents.permissions import IsAgent, agent_of
from audit.base.filters import InstantFilter
from audit.base.raises import raises
from audit.base.serializers import body_of
from audit.base.strict_query import StrictQueryView
from transactions.calls.models import FunctionCall
from transactions.calls.queries import (
    calls_of_agent,
    calls_visible_to,
    one_call,
    represented_calls,
)
from transactions.calls.representation import represent_call
from transactions.calls.serializers import FunctionCallInput, FunctionCallOutput
from transactions.calls.services import request_function_call
from transactions.decisions.headers import (
    KEY_PARAMETER,
    answer_response,
    idempotency_key,
)
from transactions.errors import IdempotencyConflict


class FunctionCallFilter(filters.FilterSet):  # type: ignore[misc]
    """The filters of the list."""

    status = filters.ChoiceFilter(choices=FunctionCall.Status.choices)
    outcome = filters.ChoiceFilter(
        field_name="decision__outcome",
        choices=[("allow", "allow"), ("hold", "hold"), ("deny", "deny")],
    )
    agent = filters.CharFilter(field_name="agent_id")
    function = filters.CharFilter(help_text="The whole name as requested.")
    created_after = InstantFilter(field_name="created_at", lookup_expr="gt")
    created_before = InstantFilter(field_name="created_at", lookup_expr="lt")


class FunctionCallRepresentation(serializers.BaseSerializer[FunctionCall]):
    """Lets DRF's generic list views use represent_call()."""

    def to_representation(self, instance: FunctionCall) -> dict[str, Any]:
        return represent_call(instance)


class FunctionCallListCreateView(StrictQueryView, ListCreateAPIView[FunctionCall]):
    """List the requested function calls and their decisions."""

    serializer_class = FunctionCallRepresentation
    filterset_class = FunctionCallFilter
    ordering_fields = ["created_at"]

    def get_permissions(self) -> list[Any]:
        if self.request.method == "POST":
            return [IsAgent()]
        return [(IsPerson | IsAgent)()]

    def get_queryset(self) -> QuerySet[FunctionCall]:
        if getattr(self, "swagger_fake_view", False):
            return FunctionCall.objects.none()
        return represented_calls(_readable(self.request))

    @extend_schema(
        operation_id="function_calls_list",
        responses={200: FunctionCallOutput(many=True)},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="function_calls_create",
        parameters=[KEY_PARAMETER],
        request=FunctionCallInput,
        responses={201: FunctionCallOutput},
    )
    @raises(IdempotencyConflict)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask whether a function may be called with these parameters."""
        key = idempotency_key(request)
        body = body_of(FunctionCallInput, request)
        answer = request_function_call(
            body["function"],
            body["parameters"],
            acting=agent_of(request),
            idempotency_key=key,
        )
        return answer_response(answer)


class FunctionCallDetailView(StrictQueryView):
    """Return one function call, with the reasons of its decision."""

    permission_classes = [IsPerson | IsAgent]

    @extend_schema(
        operation_id="function_calls_retrieve", responses={200: FunctionCallOutput}
    )
    def get(self, request: Request, call_id: str) -> Response:
        found = one_call(_readable(request), call_id)
        return Response(represent_call(found))


def _readable(request: Request) -> QuerySet[FunctionCall]:
    """Return the calls that the user may read: a person's scope, or an agent's own."""
    if isinstance(request.user, User):
        return calls_visible_to(request.user)
    return calls_of_agent(agent_of(request).principal_id)
