"""Reading a policy: each bound from both sides, and what a refusal says to people."""

from __future__ import annotations

from typing import Any

import pytest

from agents.policy.core.approval_levels import ApprovalLevel
from agents.policy.core.draft import PolicyInvalid, parse_terms
from tests.agents.policies import SEED

WEEKDAYS = {"days": ["mon", "tue"], "from": "08:00", "to": "18:00"}


def refused(**changes: Any) -> PolicyInvalid:
    with pytest.raises(PolicyInvalid) as error:
        parse_terms({**SEED, **changes})
    return error.value


def codes_of(**changes: Any) -> list[tuple[str, str]]:
    return [(item.pointer, item.code) for item in refused(**changes).errors]


@pytest.mark.parametrize(
    "changes",
    [
        {"requires_approval_above": "1000.01"},
        {"max_transactions_per_hour": "7"},
        {"max_transactions_per_hour": 0},
        {"max_transactions_per_hour": 100_001},
        {"allowed_merchants": ["A"]},
        {"allowed_merchants": ["Am\u0430zon"]},
        {"blocked_categories": ["nonsense"]},
        {"allowed_functions": ["Pay"]},
        {"requires_signature": "yes"},
        {"approval_expires_after_minutes": "60"},
        {"approval_expires_after_minutes": 4},
        {"approval_escalates_after_minutes": 1440},
        {"daily_budget": "5.00", "limits": [{"period": "day", "amount": "9.00"}]},
        {"time_zone": "Mars/Olympus"},
        {"allowed_countries": ["de"]},
        {"allowed_hours": "always"},
        {"allowed_hours": [WEEKDAYS] * 51},
        {"allowed_hours": ["always"]},
        {"allowed_hours": [WEEKDAYS | {"days": "mon"}]},
        {"allowed_hours": [WEEKDAYS | {"days": ["mon", "mon"]}]},
        {"allowed_hours": [WEEKDAYS | {"from": "8:00"}]},
        {"allowed_hours": [WEEKDAYS | {"from": "18:00"}]},
        {"blocked_mcc_groups": ["nonsense"]},
        {"blocked_mccs": ["799"]},
    ],
)
def test_a_refusal_says_in_a_sentence_what_is_wrong(changes: dict[str, Any]) -> None:
    [error] = refused(**changes).errors

    assert error.detail[0].isupper()
    assert not error.detail.isupper()
    assert error.detail.endswith(".")


@pytest.mark.parametrize(
    ("changes", "bounds"),
    [
        ({"max_transactions_per_hour": 0}, ("1", "100000")),
        ({"approval_expires_after_minutes": 0}, ("5", "10080")),
        ({"allowed_hours": [WEEKDAYS] * 51}, (" 50 entries.",)),
        (
            {"allowed_hours": [{}]},
            (' {"days": ["mon"], "from": "08:00", "to": "18:00"}.',),
        ),
        ({"allowed_hours": [WEEKDAYS | {"days": ["monday"]}]}, ("mon, tue", "sun")),
        ({"allowed_hours": [WEEKDAYS | {"to": "25:00"}]}, ("00:00", "24:00")),
        ({"blocked_mcc_groups": ["nonsense"]}, ("airlines, ", "gambling")),
    ],
)
def test_a_refusal_names_what_would_be_taken(
    changes: dict[str, Any], bounds: tuple[str, ...]
) -> None:
    [error] = refused(**changes).errors

    assert [bound for bound in bounds if bound not in error.detail] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_transactions_per_hour", 1),
        ("max_transactions_per_hour", 100_000),
        ("approval_expires_after_minutes", 5),
        ("approval_expires_after_minutes", 10_080),
        ("approval_escalates_after_minutes", 5),
        ("approval_escalates_after_minutes", 1439),
        ("allowed_functions", ("a", "a" * 100)),
        ("allowed_merchants", ("ab", "b" * 200)),
    ],
)
def test_the_least_and_the_most_are_taken(name: str, value: Any) -> None:
    assert getattr(parse_terms({**SEED, name: value}), name) == value


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        (
            {"max_transactions_per_hour": 100_001},
            ("/max_transactions_per_hour", "out_of_range"),
        ),
        ({"allowed_functions": ["a" * 101]}, ("/allowed_functions/0", "function_name")),
        (
            {"allowed_merchants": ["b" * 201]},
            ("/allowed_merchants/0", "merchant_length"),
        ),
        ({"daily_budget": "0.001"}, ("/daily_budget", "amount_too_many_decimals")),
        (
            {"requires_approval_above": "-0.01"},
            ("/requires_approval_above", "amount_not_positive"),
        ),
    ],
)
def test_one_more_is_refused(changes: dict[str, Any], error: tuple[str, str]) -> None:
    assert codes_of(**changes) == [error]


def test_amounts_have_the_decimals_of_their_currency() -> None:
    read = parse_terms(
        {
            **SEED,
            "currency": "JPY",
            "max_transaction_amount": "1000",
            "requires_approval_above": "500",
            "daily_budget": "0",
            "limits": [{"period": "month", "amount": "700"}],
            "approval_levels": [{"above": "600", "approvals": 2, "role": "admin"}],
        }
    )

    assert (read.currency, read.max_transaction_amount_minor) == ("JPY", 1000)
    assert (read.requires_approval_above_minor, read.daily_budget_minor) == (500, 0)
    assert read.limits[0].amount_minor == 700
    assert read.approval_levels[0].above_minor == 600


@pytest.mark.parametrize("currency", ["usd", None, 7])
def test_amounts_of_an_unknown_currency_are_read_as_dollars(currency: Any) -> None:
    """So that the currency alone is refused, not each amount as well."""
    assert codes_of(
        currency=currency,
        daily_budget="1.50",
        limits=[{"period": "month", "amount": "1.50"}],
        approval_levels=[{"above": "500.50", "approvals": 2, "role": "admin"}],
    ) == [("/currency", "currency_unknown")]


def test_a_wrong_maximum_is_no_reason_to_refuse_the_rest() -> None:
    level = {"above": "600.00", "approvals": 2, "role": "admin"}

    assert codes_of(max_transaction_amount="x", approval_levels=[level]) == [
        ("/max_transaction_amount", "amount_not_a_number")
    ]


def test_a_wrong_expiry_is_no_reason_to_refuse_the_escalation() -> None:
    assert codes_of(
        approval_expires_after_minutes=0, approval_escalates_after_minutes=5
    ) == [("/approval_expires_after_minutes", "out_of_range")]


def test_the_first_level_may_begin_at_zero_where_no_amount_needs_approval() -> None:
    read = parse_terms(
        {
            **SEED,
            "requires_approval_above": None,
            "approval_levels": [{"above": "0", "approvals": 2, "role": "manager"}],
        }
    )

    assert read.approval_levels == (
        ApprovalLevel(above_minor=0, approvals=2, role="manager"),
    )


def test_as_many_hours_as_are_allowed_are_read() -> None:
    read = parse_terms({**SEED, "allowed_hours": [WEEKDAYS] * 50})

    assert read.allowed_hours is not None
    assert len(read.allowed_hours) == 50


def test_days_are_kept_in_the_order_of_the_week() -> None:
    hours = [WEEKDAYS | {"days": ["sun", "wed", "mon"]}]

    [read] = parse_terms({**SEED, "allowed_hours": hours}).allowed_hours or ()

    assert read.days == ("mon", "wed", "sun")


def test_a_refusal_keeps_all_errors_and_the_code_of_all() -> None:
    error = refused(currency="usd", requires_signature=1)

    assert error.code == "policy_invalid"
    assert [item.pointer for item in error.errors] == [
        "/currency",
        "/requires_signature",
    ]
