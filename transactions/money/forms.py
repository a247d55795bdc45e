"""The form that gives money back."""

from __future__ import annotations

from django import forms

from audit.base.readable import REASON_MAX


class GiveBackForm(forms.Form):
    """Void or refund in an agent's place; `key` makes a double submission harmless."""

    VOID, REFUND = "void", "refund"

    step = forms.ChoiceField(choices=[(VOID, "Void"), (REFUND, "Refund")])
    key = forms.RegexField(r"\A[A-Za-z0-9_-]{20,60}\Z")
    amount = forms.CharField(required=False, max_length=40)
    reason = forms.CharField(
        max_length=REASON_MAX,
        error_messages={"required": "Say why, so that the owner can follow it."},
    )
