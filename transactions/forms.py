"""What a person answers to a held transaction, and what they search for."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.validators import MaxLengthValidator

from accounts.models import User
from agents.core.policy import PolicyTerms
from agents.core.policy_draft import PolicyInvalid, parse_terms
from audit.base.core.visible import visible
from audit.base.form_fields import UtcField, WholeField
from security.schemas.forms import read_json, shows_all
from transactions import services
from transactions.core.outcome import Outcome
from transactions.models import Transaction

REASON_LENGTH_MAX = 500
SELECTED_MAX = 20
# With the rest of the form below DATA_UPLOAD_MAX_MEMORY_SIZE, so that it can be told.
DRAFT_LENGTH_MAX = 200_000
SELECTED = re.compile(r"(apr_[0-9a-z]{26}):([0-9a-f]{64})")


class VerdictForm(forms.Form):
    """Approve or deny, with a reason; a denial owes one to the agent's owner."""

    APPROVE, DENY = "approve", "deny"

    verdict = forms.ChoiceField(choices=[(APPROVE, "Approve"), (DENY, "Deny")])
    expected_digest = forms.CharField(max_length=64)
    reason = forms.CharField(
        required=False,
        max_length=REASON_LENGTH_MAX,
        validators=[shows_all],
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if cleaned.get("verdict") == self.DENY and cleaned.get("reason") == "":
            self.add_error("reason", "Say why, so that the owner can act on it.")
        return cleaned


class _ItemsField(forms.Field):
    """What was ticked: ids, each with the digest of what was seen."""

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
        required=False, max_length=REASON_LENGTH_MAX, validators=[shows_all]
    )


class _UtcInput(forms.DateTimeInput):
    """A browser's own field for date and time."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class DelegationForm(forms.Form):
    """Who decides in one's place, and from when to when (UTC)."""

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
        label="Reason", max_length=REASON_LENGTH_MAX, validators=[shows_all]
    )

    def __init__(self, data: Any = None, *, delegates: list[User]) -> None:
        super().__init__(data)
        names = [(person.pk, person.username) for person in delegates]
        self.fields["delegate"].choices = [("", "Choose a person"), *names]  # type: ignore[attr-defined] # A ChoiceField.


class GiveBackForm(forms.Form):
    """Void or refund in an agent's place, once for each time the page was opened."""

    VOID, REFUND = "void", "refund"

    step = forms.ChoiceField(choices=[(VOID, "Void"), (REFUND, "Refund")])
    key = forms.RegexField(r"\A[A-Za-z0-9_-]{20,60}\Z")
    amount = forms.CharField(required=False, max_length=40)
    reason = forms.CharField(
        max_length=REASON_LENGTH_MAX,
        error_messages={"required": "Say why, so that the owner can follow it."},
    )


class HandOverForm(forms.Form):
    """To whom an agent goes, and why."""

    owner = forms.ChoiceField(label="New owner")
    reason = forms.CharField(
        label="Reason",
        max_length=REASON_LENGTH_MAX,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The second person reads it. It stays in the audit log.",
    )

    def __init__(self, data: Any = None, *, owners: list[User]) -> None:
        super().__init__(data)
        names = [(person.pk, _with_team(person)) for person in owners]
        self.fields["owner"].choices = [("", "Choose a person"), *names]  # type: ignore[attr-defined] # A ChoiceField.


def _with_team(person: User) -> str:
    return f"{person.username} ({person.team or 'no team'})"


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


class _PolicyField(forms.CharField):
    """A policy in wire form; all that is wrong with it is told, each with its place."""

    widget = forms.Textarea
    # No maxlength, by which browsers cut what is pasted without a word.
    default_validators = [MaxLengthValidator(DRAFT_LENGTH_MAX)]

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {**super().widget_attrs(widget), "class": "mono", "spellcheck": "false"}

    def clean(self, value: Any) -> PolicyTerms:
        draft = read_json(super().clean(value))
        if not isinstance(draft, dict):
            raise forms.ValidationError("A policy is a JSON object: { … }.")
        try:
            return parse_terms(draft)
        except PolicyInvalid as invalid:
            raise forms.ValidationError(
                [f"{visible(each.pointer)}: {each.detail}" for each in invalid.errors]
            ) from invalid


class SimulationForm(forms.Form):
    """A draft policy, and on how many days it is tried."""

    policy = _PolicyField()
    days = WholeField(min_value=1, max_value=services.DAYS_MAX)
