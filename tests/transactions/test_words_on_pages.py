"""Reasons as pages word them."""

from __future__ import annotations

import pytest

from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.reasons import Finding
from transactions.templatetags.decisions import draft_finding_text, finding_text


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("7500.00 USD", "7,500.00 USD"),
        ("1234567 JPY", "1,234,567 JPY"),
        ("500.00 USD", "500.00 USD"),
        ("1000.000 KWD", "1,000.000 KWD"),
    ],
)
def test_amounts_are_written_as_everywhere_on_pages(amount: str, shown: str):
    values = {"amount": amount, "limit": "500.00 USD"}
    found = Finding("amount", "amount_requires_approval", Outcome.HOLD, values)

    assert (
        finding_text(found.as_json())
        == f"{shown} is above 500.00 USD, so a human decides."
    )


def test_what_a_draft_allows_is_not_said_of_the_policy_in_force():
    allowed = Finding("policy", "allowed_by_policy", Outcome.ALLOW).as_json()

    assert finding_text(allowed) == "Every check passed under the policy in force."
    assert draft_finding_text(allowed) == "Every check passed under the draft."
