"""Fields of forms that read times and numbers by the one reader (core/readers.py)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms

from audit.base.core.readers import HOW_TO_WRITE_AN_INSTANT, parse_instant, parse_whole


class InstantField(forms.DateTimeField):
    """A time with its zone, as RFC 3339 writes it."""

    default_error_messages = {"invalid": HOW_TO_WRITE_AN_INSTANT}
    zone: Any = None

    def to_python(self, value: Any) -> datetime | None:
        if not isinstance(value, str) or value in self.empty_values:
            return super().to_python(value)
        instant = parse_instant(value, zone=self.zone)
        if instant is None:
            raise forms.ValidationError(self.error_messages["invalid"], "invalid")
        return instant


class UtcField(InstantField):
    """A time of a browser's own field, which writes neither a zone nor seconds."""

    default_error_messages = {"invalid": "Write a date and a time."}
    zone = UTC


class WholeField(forms.IntegerField):
    """A whole number of ASCII digits, spaces around it aside."""

    def to_python(self, value: Any) -> int | None:
        if not isinstance(value, str) or value in self.empty_values:
            return super().to_python(value)
        number = parse_whole(value.strip())
        if number is None:
            raise forms.ValidationError(self.error_messages["invalid"], "invalid")
        return number
