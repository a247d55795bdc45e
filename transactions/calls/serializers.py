"""Bodies of function calls."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from audit.base.serializers import ObjectField, StrictCharField, StrictSerializer
from transactions.calls.models import FunctionCall
from transactions.spending.api.serializers import ReasonOutput, refuse_sensitive


class FunctionCallInput(StrictSerializer):
    function = StrictCharField(max_length=100, trim_whitespace=False)
    parameters = ObjectField()

    def validate_function(self, value: str) -> str:
        return refuse_sensitive(value)


class FunctionCallOutput(serializers.Serializer[Any]):
    """Documents representation.call_body(), which builds it."""

    id = serializers.CharField()
    object = serializers.CharField()
    agent = serializers.CharField()
    function = serializers.CharField(help_text="The name as requested.")
    function_version = serializers.IntegerField(
        allow_null=True, help_text="Null: no such function was registered."
    )
    status = serializers.ChoiceField(choices=FunctionCall.Status.choices)
    outcome = serializers.ChoiceField(choices=["allow", "hold", "deny"])
    reasons = ReasonOutput(many=True)
    policy_version = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
