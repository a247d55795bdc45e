"""The form that gives an agent to another owner."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import User
from audit.base.readable import REASON_MAX


class HandOverForm(forms.Form):
    """An agent's new owner, and the reason."""

    owner = forms.ChoiceField(label="New owner")
    reason = forms.CharField(
        label="Reason",
        max_length=REASON_MAX,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The second person reads it. It stays in the audit log.",
    )

    def __init__(self, data: Any = None, *, owners: list[User]) -> None:
        super().__init__(data)
        names = [(person.pk, _with_team(person)) for person in owners]
        self.fields["owner"].choices = [("", "Choose a person"), *names]  # type: ignore[attr-defined] # A ChoiceField.


def _with_team(person: User) -> str:
    return f"{person.username} ({person.team or 'no team'})"
