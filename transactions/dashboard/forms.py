"""The filters of the list of transactions."""

from __future__ import annotations

from typing import Any

from django import forms

from transactions.decisions.core.outcome import Outcome
from transactions.spending.models import Transaction


class TransactionFilterForm(forms.Form):
    """The filters of the transaction list; all are optional."""

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
        """The filters that were filled in; only for a valid form."""
        return {name: value for name, value in self.cleaned_data.items() if value}
