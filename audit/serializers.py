"""The base of every input serializer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know, so that a typo or a guess never passes."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            writable = {
                name for name, field in self.fields.items() if not field.read_only
            }
            unknown = sorted(str(name) for name in set(data) - writable)
            if unknown:
                error = ErrorDetail("There is no such field here.", "unknown_field")
                raise ValidationError({name: [error] for name in unknown})
        return super().to_internal_value(data)


def refuse_fields(request: Request) -> None:
    """Raise ValidationError for a body where none is taken."""
    StrictSerializer(data=request.data).is_valid(raise_exception=True)
