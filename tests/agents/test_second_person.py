from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.core.policy import PolicyTerms, loosens, needs_second_person
from agents.core.policy_draft import parse_terms
from tests.agents.policies import terms

SMALL = parse_terms(
    {
        "max_transaction_amount": "50.00",
        "allowed_merchants": ["Amazon"],
        "blocked_categories": ["gambling"],
        "requires_approval_above": "20.00",
        "daily_budget": "60.00",
    }
)


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        ({"max_transaction_amount_minor": 10_000}, False),
        ({"max_transaction_amount_minor": 10_001}, True),
        ({"requires_approval_above_minor": 5_000}, False),
        ({"requires_approval_above_minor": None}, True),
        ({"daily_budget_minor": 10_000}, False),
        ({"daily_budget_minor": 10_001}, True),
        ({"daily_budget_minor": None}, True),
        ({"allowed_merchants": ("Amazon", "Walmart")}, True),
        ({"allowed_merchants": None}, True),
        ({"blocked_categories": ()}, True),
        ({"allowed_functions": ("transfer",)}, True),
        ({"max_transactions_per_hour": 1}, False),
        ({"requires_signature": True}, False),
        ({"currency": "JPY"}, True),
    ],
)
def test_c7_small_amounts_alone_need_no_second_person(
    change: dict[str, Any], needed: bool
) -> None:
    new = dataclasses.replace(SMALL, **change)

    assert needs_second_person(SMALL, new) is needed


def test_c7_a_first_policy_needs_a_second_person() -> None:
    assert needs_second_person(None, SMALL)


@given(terms("USD"), terms("USD"))
def test_c7_above_the_threshold_whatever_loosens_needs_a_second_person(
    old: PolicyTerms, new: PolicyTerms
) -> None:
    amounts = (
        new.max_transaction_amount_minor,
        new.requires_approval_above_minor,
        new.daily_budget_minor,
    )
    is_small = all(amount is not None and amount <= 10_000 for amount in amounts)

    if not loosens(old, new):
        assert not needs_second_person(old, new)
    elif not is_small:
        assert needs_second_person(old, new)


@given(terms("USD"), st.data())
def test_c7_steps_taken_alone_never_pass_the_threshold(
    old: PolicyTerms, data: st.DataObject
) -> None:
    """However many small steps: what is looser than at first stays small."""
    now = old
    for _ in range(4):
        new = data.draw(terms("USD"))
        if not needs_second_person(now, new):
            now = new

    if loosens(old, now):
        assert now.max_transaction_amount_minor <= max(
            10_000, old.max_transaction_amount_minor
        )
        assert old.allowed_merchants is None or now.allowed_merchants is not None
