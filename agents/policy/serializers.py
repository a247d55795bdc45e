"""A policy in requests and answers of the API, from the table of its terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from agents.core.mcc import GROUP_WORDS
from agents.models import PolicyVersion
from agents.policy.core.approval_levels import APPROVALS_MAX, ROLES
from agents.policy.core.draft import PolicyInvalid, parse_terms
from agents.policy.core.hours import DAYS
from agents.policy.core.limits import Per, Period, Window
from agents.policy.core.policy import to_wire
from agents.policy.core.terms import TERMS, Term, wire_name
from audit.base.core.vocabulary import Vocabulary
from audit.base.serializers import StrictSerializer, WordField

AnyField = serializers.Field[Any, Any, Any, Any]


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


# The schemas of the parts of a policy, in requests and in answers.
PARTS: Mapping[str, tuple[type[serializers.Serializer[Any]], ...]] = {
    "Limit": (LimitInput, LimitOutput),
    "ApprovalLevel": (ApprovalLevelInput, ApprovalLevelOutput),
}


def field_of(term: Term, *, is_input: bool) -> AnyField:
    """Return the field that documents a term in requests or in answers."""
    schema, words = term.kind.schema, term.kind.words if is_input else None
    options: dict[str, Any] = {"allow_null": True} if "null" in schema["type"] else {}
    if is_input and term.about:
        options["help_text"] = term.about
    if is_input and not term.is_required:
        is_list = isinstance(term.default, tuple)
        options |= {"required": False} if is_list else {"default": term.default}
    if "array" not in schema["type"]:
        return _leaf(schema, words, options, is_input=is_input)
    part = schema["items"].get("$ref")
    if part in PARTS:
        in_requests, in_answers = PARTS[part]
        return (in_requests if is_input else in_answers)(many=True, **options)
    if part:
        return serializers.ListField(child=HoursField(), **options)
    child = _leaf(schema["items"], words, {}, is_input=is_input)
    return serializers.ListField(child=child, **options)


def _leaf(
    schema: Mapping[str, Any],
    words: Vocabulary | None,
    options: dict[str, Any],
    *,
    is_input: bool,
) -> AnyField:
    if words is GROUP_WORDS:
        return serializers.ChoiceField(choices=words.words, **options)
    if words is not None:
        return WordField(words, **options)
    if "string" in schema["type"]:
        return serializers.CharField(**options)
    if "boolean" in schema["type"]:
        return serializers.BooleanField(**options)
    if is_input:  # Old versions are shown as they are.
        options |= {"min_value": schema["minimum"], "max_value": schema["maximum"]}
    return serializers.IntegerField(**options)


class PolicyInput(StrictSerializer):
    """A draft policy. The answer lists all that is wrong, each with its pointer."""

    def get_fields(self) -> dict[str, Any]:
        """Return a field for each term."""
        return {
            wire_name(name): field_of(term, is_input=True)
            for name, term in TERMS.items()
        }

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
    created_by = serializers.CharField(source="created_by_id")
    created_at = serializers.DateTimeField()

    def get_fields(self) -> dict[str, Any]:
        """Return the fields of a version with one for each term."""
        terms = {
            wire_name(name): field_of(term, is_input=False)
            for name, term in TERMS.items()
        }
        return super().get_fields() | terms

    def to_representation(self, instance: PolicyVersion) -> dict[str, Any]:
        return {
            "id": instance.pk,
            "object": "policy",
            "agent": instance.agent_id,
            "version": instance.number,
            **to_wire(instance.terms),
            "created_by": instance.created_by_id,
            "created_at": instance.created_at,
        }
