"""The base of every input serializer, and fields that take JSON at its word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know, so that a typo or a guess never passes."""

    default_error_messages = {"invalid": "Expected an object."}

    def to_internal_value(self, data: Any) -> Any:
        """Tell what is unknown beside all else that is wrong."""
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        writable = {name for name, field in self.fields.items() if not field.read_only}
        unknown = {
            name: [ErrorDetail("There is no such field here.", "unknown_field")]
            for name in sorted(map(str, set(data) - writable))
        }
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            if unknown and isinstance(error.detail, dict):
                raise ValidationError({**error.detail, **unknown}) from error
            raise
        if unknown:
            raise ValidationError(unknown)
        return value


class StrictCharField(serializers.CharField):
    """A JSON string; a number is none."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictRegexField(StrictCharField, serializers.RegexField):
    """A JSON string of a form."""


class StrictIntegerField(serializers.IntegerField):
    """A JSON number without a fraction; a string is none."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictBooleanField(serializers.BooleanField):
    """true or false; neither a number nor a word is one."""

    default_error_messages = {"invalid": "Expected true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class ObjectField(serializers.DictField):
    """A JSON object."""

    default_error_messages = {"not_a_dict": "Expected an object."}


class ArrayField(serializers.ListField):
    """A JSON array."""

    default_error_messages = {"not_a_list": "Expected an array."}


def refuse_fields(request: Request) -> None:
    """Raise ValidationError for a body where none is taken."""
    StrictSerializer(data=request.data).is_valid(raise_exception=True)
