"""JSON and readable text in forms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.fields import InvalidJSONInput

from audit.base.core.visible import visible
from audit.base.errors import TextRefused
from audit.base.readable import check_text
from security.schemas.core.strict_json import JsonRefused, parse_json_text


def read_json(text: str) -> Any:
    """Return the JSON value of a form's text, read as the API reads a body.

    Raises forms.ValidationError, which says what is wrong, and where.
    """
    try:
        return parse_json_text(text)
    except JsonRefused as refused:
        place = f"{visible(refused.pointer)}: " if refused.pointer else ""
        raise forms.ValidationError(f"{place}{refused}", code="invalid") from None


def validate_visible(text: str) -> None:
    """Raise forms.ValidationError for a text that others could not read as it is."""
    try:
        check_text(text, pointer="")
    except TextRefused as refused:
        raise forms.ValidationError(refused.detail, code=refused.code) from refused


class StrictJsonField(forms.JSONField):
    """Plain JSON that read_json() does not refuse; it is shown again as written."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value not in self.empty_values:
            read_json(value)  # For what it refuses: a column takes no Decimal.
        return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        return InvalidJSONInput(data or "")
