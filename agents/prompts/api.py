"""Screening prompts, wrapping them in boundaries, validating outputs."""

from __future__ import annotations

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from agents.prompts import services as texts
from agents.prompts.core.boundaries import Segment
from audit.base.serializers import (
    ArrayField,
    ObjectField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictSerializer,
    body_of,
)
from audit.base.strict_query import StrictQueryView

MAX_SEGMENTS = 100
OUTCOMES = ["allow", "hold", "deny"]


class TextField(StrictCharField):
    """A text as it is: its spaces and blanks are part of what is judged."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, allow_blank=True, **kwargs)


class PromptScreenInput(StrictSerializer):
    text = TextField()
    channel = StrictChoiceField(["user", "tool_output"])


class PromptReasonOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class PromptHiddenOutput(serializers.Serializer[Any]):
    kind = serializers.CharField()
    count = serializers.IntegerField()
    decoded = serializers.CharField(help_text="What the hidden characters spelled.")


class PromptScreenOutput(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(OUTCOMES)
    score = serializers.SerializerMethodField(help_text="0 to 1; held from 0.5 on.")
    reasons = PromptReasonOutput(many=True)
    sanitized = serializers.CharField()
    hidden = PromptHiddenOutput(many=True)

    def get_score(self, screening: Any) -> float:
        return float(screening.score_bp / 10_000)


class PromptScreenView(StrictQueryView):
    """Judge a text before a model reads it."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="prompt_screen",
        request=PromptScreenInput,
        responses=PromptScreenOutput,
    )
    def post(self, request: Request) -> Response:
        given = body_of(PromptScreenInput, request)
        verdict = texts.screen_text(given["text"], channel=given["channel"])
        return Response(PromptScreenOutput(verdict).data)


class PromptSegmentInput(StrictSerializer):
    text = TextField()
    trusted = StrictBooleanField(help_text="Only the user's own words are.")


class PromptWrapInput(StrictSerializer):
    system = TextField()
    segments = ArrayField(child=PromptSegmentInput(), max_length=MAX_SEGMENTS)


class PromptMessageOutput(serializers.Serializer[Any]):
    role = serializers.ChoiceField(["system", "user"])
    content = serializers.CharField()


class PromptWrapOutput(serializers.Serializer[Any]):
    messages = PromptMessageOutput(many=True)


class PromptWrapView(StrictQueryView):
    """Enclose untrusted texts, so that a model knows data from instructions."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="prompt_wrap", request=PromptWrapInput, responses=PromptWrapOutput
    )
    def post(self, request: Request) -> Response:
        given = body_of(PromptWrapInput, request)
        segments = [Segment(**one) for one in given["segments"]]
        messages = texts.wrap_texts(given["system"], segments)
        return Response(PromptWrapOutput({"messages": messages}).data)


class OutputValidateInput(StrictSerializer):
    text = TextField(required=False, help_text="With a schema, a JSON text.")
    json = serializers.JSONField(
        required=False, allow_null=True, encoder=DjangoJSONEncoder
    )
    schema = ObjectField(required=False, help_text="JSON Schema 2020-12.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len({"text", "json"} & attrs.keys()) != 1:
            raise serializers.ValidationError("Send either text or json.")
        return attrs


class OutputReasonOutput(PromptReasonOutput):
    pointer = serializers.CharField(help_text="Where in the JSON value, if anywhere.")


class OutputValidateOutput(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(OUTCOMES)
    reasons = OutputReasonOutput(many=True)
    sanitized = serializers.JSONField(help_text="Of the shape that was sent.")


class OutputValidateView(StrictQueryView):
    """Judge what a model wrote, before a person or a program reads it."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="output_validate",
        request=OutputValidateInput,
        responses=OutputValidateOutput,
    )
    def post(self, request: Request) -> Response:
        given = body_of(OutputValidateInput, request)
        data = given
        is_text = "text" in data
        verdict = texts.validate_output(
            data["text" if is_text else "json"],
            is_text=is_text,
            schema=data.get("schema"),
        )
        return Response(OutputValidateOutput(verdict).data)
