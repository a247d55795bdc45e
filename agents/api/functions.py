"""The registry of functions by API. People read it; security staff change it."""

from __future__ import annotations

from typing import Any

import django_filters
from django.core.serializers.json import DjangoJSONEncoder
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import HasPermission, IsPerson, person_of
from agents.errors import FunctionInUse, NameTaken
from agents.models import Function, FunctionVersion
from agents.queries import function_named, functions_listed
from agents.services.functions import (
    add_function_version,
    register_function,
    set_function_enabled,
)
from audit.base.filters import FlagFilter
from audit.base.raises import raises
from audit.base.serializers import (
    ObjectField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictSerializer,
    body_of,
)
from audit.base.strict_query import StrictQueryView


class FunctionVersionInput(StrictSerializer):
    schema = ObjectField(
        # The encoder only has to get past the parser's decimals.
        child=serializers.JSONField(encoder=DjangoJSONEncoder),
        help_text="JSON Schema, draft 2020-12.",
    )
    effect = StrictChoiceField(FunctionVersion.Effect.choices)


class FunctionInput(FunctionVersionInput):
    name = StrictCharField(max_length=100)
    description = StrictCharField(max_length=500, allow_blank=True, default="")


class FunctionChanges(StrictSerializer):
    enabled = StrictBooleanField()


class FunctionOutput(serializers.ModelSerializer[Function]):
    object = serializers.CharField(default="function", read_only=True)
    enabled = serializers.BooleanField(source="is_enabled", read_only=True)
    version = serializers.IntegerField(source="current_version.number", read_only=True)
    effect = serializers.ChoiceField(
        FunctionVersion.Effect.choices, source="current_version.effect", read_only=True
    )
    schema = serializers.DictField(source="current_version.schema", read_only=True)

    class Meta:
        model = Function
        fields = [
            "id",
            "object",
            "name",
            "description",
            "enabled",
            "version",
            "effect",
            "schema",
            "created_at",
        ]
        read_only_fields = fields


class FunctionFilters(django_filters.FilterSet):  # type: ignore[misc] # It has no stubs.
    enabled = FlagFilter(field_name="is_enabled")

    class Meta:
        model = Function
        fields = ["name"]


class FunctionListCreateView(StrictQueryView, generics.GenericAPIView[Function]):
    """All registered functions; and registering one."""

    serializer_class = FunctionOutput
    queryset = functions_listed()
    filterset_class = FunctionFilters

    def get_permissions(self) -> list[Any]:
        reading = self.request.method in SAFE_METHODS
        return [IsPerson() if reading else HasPermission("agents.add_function")()]

    @extend_schema(
        operation_id="functions_list",
        responses=FunctionOutput(many=True),
        tags=["functions"],
    )
    def get(self, request: Request) -> Response:
        """List the registered functions."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="functions_register",
        request=FunctionInput,
        responses={201: FunctionOutput},
        tags=["functions"],
    )
    @raises(NameTaken)
    def post(self, request: Request) -> Response:
        """Register a function, with its schema and its effect."""
        given = body_of(FunctionInput, request)
        register_function(**given, acting=person_of(request))
        return Response(_shown(given["name"]), status=201)


class FunctionVersionCreateView(StrictQueryView):
    """Put a new schema and effect of a function in force."""

    permission_classes = [HasPermission("agents.change_function")]

    @extend_schema(
        operation_id="functions_versions_create",
        request=FunctionVersionInput,
        responses={201: FunctionOutput},
        tags=["functions"],
    )
    @raises(FunctionInUse)
    def post(self, request: Request, name: str) -> Response:
        given = body_of(FunctionVersionInput, request)
        add_function_version(name, **given, acting=person_of(request))
        return Response(_shown(name), status=201)


class FunctionDetailView(StrictQueryView):
    """Show a function, or let agents ask for it or not."""

    def get_permissions(self) -> list[Any]:
        reading = self.request.method in SAFE_METHODS
        return [IsPerson() if reading else HasPermission("agents.change_function")()]

    @extend_schema(
        operation_id="functions_retrieve", responses=FunctionOutput, tags=["functions"]
    )
    def get(self, request: Request, name: str) -> Response:
        """Show one function."""
        return Response(_shown(name))

    @extend_schema(
        operation_id="functions_update",
        request=FunctionChanges,
        responses=FunctionOutput,
        tags=["functions"],
    )
    def patch(self, request: Request, name: str) -> Response:
        """Let agents ask for a function, or not."""
        given = body_of(FunctionChanges, request)
        set_function_enabled(
            name, is_enabled=given["enabled"], acting=person_of(request)
        )
        return Response(_shown(name))


def _shown(name: str) -> dict[str, Any]:
    return dict(FunctionOutput(function_named(name)).data)
