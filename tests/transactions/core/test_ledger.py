"""What movements of money add up to, and which transaction gives its place back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactions.budgets.core.ledger import (
    EFFECTS,
    MOVEMENTS,
    above_minor,
    balances,
    ends_counting,
)

amounts = st.lists(st.tuples(st.sampled_from(sorted(MOVEMENTS)), st.integers(1, 10**9)))


def test_each_account_has_what_came_in_less_what_went_out():
    entries = [
        (*MOVEMENTS["reserve"], 1000),
        (*MOVEMENTS["increment"], 200),
        (*MOVEMENTS["capture"], 700),
        (*MOVEMENTS["release"], 500),
        (*MOVEMENTS["late_capture"], 30),
        (*MOVEMENTS["reversal"], 20),
        (*MOVEMENTS["refund"], 100),
    ]

    assert balances(entries) == {
        "available": -710,
        "reserved": 0,
        "captured": 610,
        "refunded": 100,
    }


@given(amounts)
def test_all_accounts_together_always_hold_nothing(moved):
    entries = [(*MOVEMENTS[kind], amount) for kind, amount in moved]

    assert sum(balances(entries).values()) == 0


@pytest.mark.parametrize(
    ("kind", "is_resolved", "captured_minor", "expected"),
    [
        ("release", True, 0, True),
        ("release", True, 1, False),
        ("release", False, 0, False),
        ("capture", True, 0, False),
    ],
)
def test_only_a_full_release_of_an_untouched_reservation_ends_counting(
    kind, is_resolved, captured_minor, expected
):
    assert (
        ends_counting(kind, is_resolved=is_resolved, captured_minor=captured_minor)
        is expected
    )


@pytest.mark.parametrize(
    ("kind", "reserved", "counted"),
    [
        ("increment", 1, 1),
        ("release", -1, -1),
        ("capture", -1, 0),
        ("late_capture", 0, 1),
        ("reversal", 0, -1),
        ("refund", 0, 0),
    ],
)
def test_a_budget_counts_what_is_reserved_or_taken_and_never_what_came_back(
    kind, reserved, counted
):
    effect = EFFECTS[kind].budget

    assert effect.get("reserved_minor", 0) == reserved
    assert sum(effect.values()) == counted


@given(st.integers(1, 10**15), st.integers(0, 10**15))
def test_what_was_taken_is_within_what_was_set_aside_or_above_it(set_aside, taken):
    above = above_minor(set_aside_minor=set_aside, taken_minor=taken)

    assert above >= 0
    assert taken - above == min(taken, set_aside)


@pytest.mark.parametrize(("taken", "expected"), [(0, 0), (32, 0), (33, 1), (62, 30)])
def test_above_is_what_was_taken_past_what_was_set_aside(taken, expected):
    assert above_minor(set_aside_minor=32, taken_minor=taken) == expected
