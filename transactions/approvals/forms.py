"""A verdict on one request, or on several."""

from __future__ import annotations

import re
from typing import Any

from django import forms

from audit.base.readable import REASON_MAX
from security.schemas.forms import validate_visible

SELECTED_MAX = 20
SELECTED = re.compile(r"(apr_[0-9a-z]{26}):([0-9a-f]{64})")


class VerdictForm(forms.Form):
    """Approve or deny. A denial needs a reason, which the agent's owner reads."""

    APPROVE, DENY = "approve", "deny"

    verdict = forms.ChoiceField(choices=[(APPROVE, "Approve"), (DENY, "Deny")])
    expected_digest = forms.CharField(max_length=64)
    reason = forms.CharField(
        required=False,
        max_length=REASON_MAX,
        validators=[validate_visible],
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if cleaned.get("verdict") == self.DENY and cleaned.get("reason") == "":
            self.add_error("reason", "Say why, so that the owner can act on it.")
        return cleaned


class _ItemsField(forms.Field):
    """The ticked requests: pairs of an id and the digest of what the page showed."""

    widget = forms.MultipleHiddenInput
    default_error_messages = {
        "required": "Tick at least one.",
        "invalid": f"Tick at most {SELECTED_MAX} of this page.",
    }

    def to_python(self, value: Any) -> list[tuple[str, str]]:
        found = [SELECTED.fullmatch(text) for text in dict.fromkeys(value or ())]
        items = [(match[1], match[2]) for match in found if match]
        if len(items) < len(found) or len(found) > SELECTED_MAX:
            raise forms.ValidationError(self.error_messages["invalid"])
        return items


class SelectionForm(forms.Form):
    """Several approval requests at once."""

    item = _ItemsField()
    reason = forms.CharField(
        required=False, max_length=REASON_MAX, validators=[validate_visible]
    )
