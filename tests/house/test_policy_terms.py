"""Each term of a policy is read by something that decides, compared and explained."""

from __future__ import annotations

import re
from typing import Any

import pytest

from agents.policy.core.draft import parse_terms
from agents.policy.core.policy import loosens
from agents.policy.core.terms import TERMS, wire_name
from tests.factories import SEED_POLICY
from tests.house.source import ROOT, python_files

# What decides: the checks, and what follows from a hold.
DECIDING = "\n".join(
    path.read_text()
    for path in (
        *(path for path in python_files("transactions") if "core" in path.parts),
        ROOT / "transactions/spending/services/recording.py",
        ROOT / "agents/authentication.py",
    )
)
# The lookups of PolicyRules by which checks read a term.
READ_AS = {
    "allowed_functions": "functions",
    "allowed_merchants": "merchant_keys",
    "blocked_mcc_groups": "blocked_codes",
    "blocked_mccs": "blocked_codes",
    "daily_budget_minor": "all_limits",
    "limits": "all_limits",
}
LEVEL = {"above": "600.00", "approvals": 2, "role": "admin"}
# Of each term a value, and one that lets more pass.
LOOSER: dict[str, tuple[Any, Any]] = {
    "currency": ("USD", "EUR"),
    "max_transaction_amount": ("900.00", "1000.00"),
    "requires_approval_above": ("400.00", None),
    "approval_levels": ([LEVEL], []),
    "approval_expires_after_minutes": (60, 61),
    "approval_escalates_after_minutes": (30, None),
    "time_zone": ("UTC", "Europe/Berlin"),
    "daily_budget": ("100.00", "100.01"),
    "max_transactions_per_hour": (5, 6),
    "limits": ([{"period": "day", "per": "merchant", "count": 1}], []),
    "allowed_merchants": (["Amazon"], None),
    "new_merchant_requires_approval": (True, False),
    "blocked_categories": (["adult"], []),
    "allowed_countries": (["DE"], ["DE", "FR"]),
    "blocked_countries": (["US"], []),
    "blocked_mcc_groups": (["cash"], []),
    "blocked_mccs": (["7995"], []),
    "allowed_hours": ([], None),
    "allowed_functions": ([], ["pay"]),
    "requires_signature": (True, False),
}


@pytest.mark.parametrize("name", TERMS)
def test_a_decision_reads_each_term(name):
    read = rf"(?:policy|credential|draft)\.{READ_AS.get(name, name)}\b"

    assert re.search(read, DECIDING), f"Nothing that decides reads {name}."


@pytest.mark.parametrize("name", [wire_name(name) for name in TERMS])
def test_c15_each_term_is_compared(name):
    # Without calendar periods nothing depends on the time zone.
    base: dict[str, Any] = {**SEED_POLICY, "daily_budget": "90.00"}
    strict, loose = (parse_terms(base | {name: value}) for value in LOOSER[name])

    assert loosens(strict, loose)
    assert not loosens(strict, strict)


@pytest.mark.parametrize("name", TERMS)
def test_the_docs_explain_each_term(name):
    assert f"`{wire_name(name)}`" in (ROOT / "docs" / "policies.md").read_text()
