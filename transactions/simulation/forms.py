"""The form of a policy to simulate."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import MaxLengthValidator

from agents.policy.core.draft import PolicyInvalid, parse_terms
from agents.policy.core.terms import PolicyTerms
from audit.base.core.visible import visible
from audit.base.form_fields import WholeField
from security.schemas.forms import read_json
from transactions.simulation.services import DAYS_MAX

# Leaves the whole form below DATA_UPLOAD_MAX_MEMORY_SIZE: a draft that is too long gets
# a form error, not a refused request.
DRAFT_LENGTH_MAX = 200_000


class _PolicyField(forms.CharField):
    """A policy as JSON; every error in it is shown with its JSON pointer."""

    widget = forms.Textarea
    # No maxlength attribute: browsers would cut pasted text silently.
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
    """A draft policy, and the number of past days to try it on."""

    policy = _PolicyField()
    days = WholeField(min_value=1, max_value=DAYS_MAX)
