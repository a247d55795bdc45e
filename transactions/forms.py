"""What a person answers to a held transaction, and what they search for."""

from __future__ import annotations

from typing import Any

from django import forms

from transactions.core.outcome import Outcome
from transactions.models import Transaction

REASON_LENGTH_MAX = 500


class VerdictForm(forms.Form):
    """Approve or deny, with a reason; a denial owes one to the agent's owner."""

    APPROVE, DENY = "approve", "deny"

    verdict = forms.ChoiceField(choices=[(APPROVE, "Approve"), (DENY, "Deny")])
    expected_digest = forms.CharField(max_length=64)
    reason = forms.CharField(
        required=False,
        max_length=REASON_LENGTH_MAX,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if cleaned.get("verdict") == self.DENY and cleaned.get("reason") == "":
            self.add_error("reason", "Say why, so that the owner can act on it.")
        return cleaned


class TransactionFilterForm(forms.Form):
    """The list's filters; each may stay empty."""

    outcome = forms.ChoiceField(
        required=False,
        choices=[
            ("", "Any outcome"),
            *((outcome.value, outcome.value.capitalize()) for outcome in Outcome),
        ],
    )
    status = forms.ChoiceField(
        required=False, choices=[("", "Any status"), *Transaction.Status.choices]
    )
    agent = forms.ChoiceField(required=False)

    def __init__(self, data: Any, *, agents: list[tuple[str, str]]) -> None:
        super().__init__(data)
        self.fields["agent"].choices = [("", "Any agent"), *agents]  # type: ignore[attr-defined] # A ChoiceField.

    @property
    def chosen(self) -> dict[str, str]:
        """The filters that were filled in. Ask only when the form is valid."""
        return {name: value for name, value in self.cleaned_data.items() if value}
