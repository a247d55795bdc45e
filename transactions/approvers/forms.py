"""The form of a delegation."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import User
from audit.base.form_fields import UtcField
from audit.base.readable import REASON_MAX
from security.schemas.forms import validate_visible


class _UtcInput(forms.DateTimeInput):
    """The browser's native field for date and time."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class DelegationForm(forms.Form):
    """The person who decides in the user's place, and the period (UTC)."""

    delegate = forms.ChoiceField(label="Who decides for you")
    starts_at = UtcField(
        label="From (UTC)",
        required=False,
        widget=_UtcInput,
        help_text="Empty: from now on.",
    )
    ends_at = UtcField(
        label="Until (UTC)", widget=_UtcInput, help_text="30 days at most."
    )
    reason = forms.CharField(
        label="Reason", max_length=REASON_MAX, validators=[validate_visible]
    )

    def __init__(self, data: Any = None, *, delegates: list[User]) -> None:
        super().__init__(data)
        names = [(person.pk, person.username) for person in delegates]
        self.fields["delegate"].choices = [("", "Choose a person"), *names]  # type: ignore[attr-defined] # A ChoiceField.
