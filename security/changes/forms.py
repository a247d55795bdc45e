"""A second person's verdict on a change."""

from __future__ import annotations

from typing import Any

from django import forms

from security.schemas.forms import validate_visible


class ChangeVerdictForm(forms.Form):
    """Approve or reject, with a reason; a rejection needs one for the requester."""

    APPROVE, REJECT = "approve", "reject"

    verdict = forms.ChoiceField(choices=[(APPROVE, "Approve"), (REJECT, "Reject")])
    reason = forms.CharField(
        required=False,
        max_length=500,
        validators=[validate_visible],
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if cleaned.get("verdict") == self.REJECT and cleaned.get("reason") == "":
            self.add_error("reason", "Say why, so that whoever asked can act on it.")
        return cleaned
