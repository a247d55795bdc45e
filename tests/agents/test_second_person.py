from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policy.core.draft import parse_terms
from agents.policy.core.policy import (
    ALONE_UP_TO,
    loosens,
    needs_second_person,
)
from agents.policy.core.terms import PolicyTerms
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

    assert needs_second_person(SMALL, new, alone_up_to=100) is needed


@pytest.mark.parametrize(
    ("daily_budget", "role", "needed"),
    [
        (10_000, "manager", False),
        (10_001, "manager", True),
        (10_001, "admin", False),
        (100_000, "admin", False),
        (100_001, "admin", True),
        (None, "admin", True),
    ],
)
def test_c15_a_first_policy_has_a_ceiling_for_each_role(
    daily_budget: int | None, role: str, needed: bool
) -> None:
    new = dataclasses.replace(SMALL, daily_budget_minor=daily_budget)

    assert needs_second_person(None, new, alone_up_to=ALONE_UP_TO[role]) is needed


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
        assert not needs_second_person(old, new, alone_up_to=100)
    elif not is_small:
        assert needs_second_person(old, new, alone_up_to=100)


@given(terms("USD"), st.data())
def test_c7_steps_taken_alone_never_pass_the_threshold(
    old: PolicyTerms, data: st.DataObject
) -> None:
    """However many small steps: what is looser than at first stays small."""
    now = old
    for _ in range(4):
        new = data.draw(terms("USD"))
        if not needs_second_person(now, new, alone_up_to=100):
            now = new

    if loosens(old, now):
        assert now.max_transaction_amount_minor <= max(
            10_000, old.max_transaction_amount_minor
        )
        assert old.allowed_merchants is None or now.allowed_merchants is not None
