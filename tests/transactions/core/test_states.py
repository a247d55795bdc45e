"""Which status may follow which, and what a reason says."""

from __future__ import annotations

from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.reasons import MESSAGES, Finding
from transactions.decisions.core.states import FIRST_STATUS, NEXT, may_follow

# DESIGN, "Money and the life of a transaction".
ARROWS = {
    ("pending_approval", "authorized"),
    ("pending_approval", "declined"),
    ("pending_approval", "expired"),
    ("pending_approval", "canceled"),
    ("authorized", "partially_captured"),
    ("authorized", "captured"),
    ("authorized", "voided"),
    ("authorized", "expired"),
    ("partially_captured", "captured"),
    ("partially_captured", "voided"),
    ("partially_captured", "expired"),
    ("voided", "captured"),
    ("expired", "captured"),
}


def test_the_state_table_is_the_drawn_one():
    assert {
        (one, other) for one in NEXT for other in NEXT if may_follow(one, other)
    } == (ARROWS)


def test_what_a_decision_leads_to():
    assert dict(FIRST_STATUS) == {
        Outcome.ALLOW: "authorized",
        Outcome.HOLD: "pending_approval",
        Outcome.DENY: "declined",
    }


@given(st.lists(st.sampled_from(sorted(NEXT)), max_size=12))
def test_no_path_leads_from_a_denial_or_back_to_waiting(path):
    status, lived = "pending_approval", ["pending_approval"]
    for following in path:
        if may_follow(status, following):
            status = following
            lived.append(status)

    assert lived.count("pending_approval") == 1
    assert not {"declined", "canceled"} & set(lived[:-1])


def test_an_unknown_status_is_an_error_not_a_no():
    with pytest.raises(KeyError):
        may_follow("pending", "authorized")


def test_every_message_is_made_of_known_fields():
    fields = {
        name for text in MESSAGES.values() for _, name, _, _ in Formatter().parse(text)
    }

    assert fields == {
        None, "kinds", "policy_currency", "currency", "amount", "limit", "available",
        "merchant", "category", "count", "score", "check", "total",
        "period", "budget",
        "country", "mcc", "other", "time", "zone", "effect",
    }  # fmt: skip


def test_values_are_filled_in_once_and_literally():
    finding = Finding(
        "merchant", "merchant_not_allowed", Outcome.DENY, {"merchant": "{merchant.x}"}
    )

    assert finding.message == "{merchant.x} is not an allowed merchant."
    assert finding.as_reason() == {
        "code": "merchant_not_allowed",
        "message": finding.message,
    }
    assert finding.as_json() == {
        "check": "merchant",
        "code": "merchant_not_allowed",
        "outcome": "deny",
        "message": finding.message,
        "values": {"merchant": "{merchant.x}"},
    }
