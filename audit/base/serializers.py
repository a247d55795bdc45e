"""The base of every input serializer, and fields that take JSON at its word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from audit.base.core.readers import HOW_TO_WRITE_AN_INSTANT, parse_instant, parse_whole
from audit.base.core.vocabulary import Unlisted, Vocabulary

_NO_FIELD = "There is no such field here."


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know, so that a typo or a guess never passes."""

    default_error_messages = {"invalid": "Expected an object."}

    def to_internal_value(self, data: Any) -> Any:
        """Report unknown fields together with all other errors."""
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        writable = {name for name, field in self.fields.items() if not field.read_only}
        unknown = _unknown_fields(set(map(str, data)) - writable, writable)
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            if unknown and isinstance(error.detail, dict):
                raise ValidationError({**error.detail, **unknown}) from error
            raise
        if unknown:
            raise ValidationError(unknown)
        return value


def _unknown_fields(
    names: set[str], writable: set[str]
) -> dict[str, list[ErrorDetail]]:
    if not names:
        return {}
    known = Vocabulary(tuple(sorted(writable)))
    return {
        name: [ErrorDetail(_NO_FIELD, Unlisted("unknown_field", known, name))]
        for name in sorted(names)
    }


class StrictCharField(serializers.CharField):
    """Accepts JSON strings only."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictRegexField(StrictCharField, serializers.RegexField):
    """A JSON string of a form."""


class StrictIntegerField(serializers.IntegerField):
    """Accepts JSON numbers without a fraction only."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class WholeField(serializers.IntegerField):
    """A whole number of ASCII digits: of a query, which has nothing but texts."""

    def to_internal_value(self, data: Any) -> int:
        number = parse_whole(data) if isinstance(data, str) else None
        if number is None:
            self.fail("invalid")
        return number


class StrictInstantField(serializers.DateTimeField):
    """A JSON string that is a time with its zone, as RFC 3339 writes it."""

    default_error_messages = {"invalid": HOW_TO_WRITE_AN_INSTANT}

    def to_internal_value(self, data: Any) -> Any:
        instant = parse_instant(data) if isinstance(data, str) else None
        if instant is None:
            self.fail("invalid")
        return self.enforce_timezone(instant)


class StrictBooleanField(serializers.BooleanField):
    """true or false; neither a number nor a word is one."""

    default_error_messages = {"invalid": "Expected true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictChoiceField(serializers.ChoiceField):
    """A JSON string of a closed set, which the error of any other names."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str) and data in self.choices:
            return super().to_internal_value(data)
        words = Vocabulary(tuple(map(str, self.choices)))
        message = self.error_messages["invalid_choice"].format(input=data)
        raise ValidationError(message, Unlisted("invalid_choice", words, data))


class WordField(StrictCharField):
    """A text of a closed set, of which docs/openapi.yaml has all words.

    The code that reads it refuses other words, and the error lists the set (Unlisted).
    """

    def __init__(self, words: Vocabulary, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.words = words


class ObjectField(serializers.DictField):
    """A JSON object."""

    default_error_messages = {"not_a_dict": "Expected an object."}


class ArrayField(serializers.ListField):
    """A JSON array."""

    default_error_messages = {"not_a_list": "Expected an array."}


def body_of(kind: type[serializers.BaseSerializer[Any]], request: Request) -> Any:
    """Return what a serializer reads in a request's body, or raise ValidationError."""
    given = kind(data=request.data)
    given.is_valid(raise_exception=True)
    return given.validated_data


def refuse_fields(request: Request) -> None:
    """Raise ValidationError for a body where none is taken."""
    body_of(StrictSerializer, request)
