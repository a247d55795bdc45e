from __future__ import annotations

import contextlib
import dataclasses
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policy.core.draft import PolicyInvalid, parse_terms
from agents.policy.core.hours import Hours
from agents.policy.core.limits import Limit, Period
from agents.policy.core.policy import (
    compile_rules,
    describe_changes,
    loosens,
    to_wire,
)
from agents.policy.core.reader import FieldError
from agents.policy.core.terms import TERMS as TABLE
from agents.policy.core.terms import PolicyTerms
from audit.base.core.codec import by_name
from audit.base.core.lookalikes import LOOKS
from tests.agents.policies import SEED, TERMS, terms
from tests.factories import SAID_BY_DEFAULT


def errors_of(**changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(PolicyInvalid) as error:
        parse_terms({**SEED, **changes})
    return [(item.pointer, item.code) for item in error.value.errors]


def test_the_seeds_example_is_a_policy() -> None:
    assert (
        PolicyTerms(
            currency="USD",
            max_transaction_amount_minor=100_000,
            requires_approval_above_minor=50_000,
            daily_budget_minor=None,
            max_transactions_per_hour=None,
            allowed_merchants=("Amazon", "Walmart"),
            blocked_categories=("gambling", "adult"),
            allowed_functions=(),
            requires_signature=False,
        )
        == TERMS
    )


def test_the_wire_form_has_the_seeds_names_and_decimal_texts() -> None:
    assert to_wire(TERMS) == {
        "currency": "USD",
        "max_transaction_amount": "1000.00",
        "requires_approval_above": "500.00",
        "daily_budget": None,
        "max_transactions_per_hour": None,
        "allowed_merchants": ["Amazon", "Walmart"],
        "blocked_categories": ["gambling", "adult"],
        "allowed_functions": [],
        "requires_signature": False,
        **SAID_BY_DEFAULT,
    }


def test_decisions_look_merchants_up_by_key() -> None:
    rules = compile_rules(TERMS, version_id="pol_1", number=3)

    assert (rules.id, rules.number) == ("pol_1", 3)
    assert rules.merchant_keys == frozenset({"amazon", "walmart"})
    assert rules.blocked_categories == ("gambling", "adult")
    assert rules.functions == frozenset()


def test_decisions_are_given_every_term() -> None:
    wide = Hours(("mon", "tue"), 8 * 60, 18 * 60)
    written = parse_terms(
        {
            **SEED,
            "currency": "EUR",
            "max_transaction_amount": "900.00",
            "daily_budget": "1000.00",
            "max_transactions_per_hour": 7,
            "allowed_functions": ["pay"],
            "requires_signature": True,
            "limits": [{"period": "month", "count": 5}],
            "approval_levels": [{"above": "600.00", "approvals": 2, "role": "admin"}],
            "approval_expires_after_minutes": 60,
            "approval_escalates_after_minutes": 30,
            "time_zone": "Europe/Berlin",
            "allowed_countries": ["DE", "FR"],
            "blocked_countries": ["FR"],
            "allowed_hours": [{"days": ["mon", "tue"], "from": "08:00", "to": "18:00"}],
            "blocked_mcc_groups": ["tobacco"],
            "blocked_mccs": ["1234"],
        }
    )

    rules = compile_rules(written, version_id="pol_1", number=3)

    assert {name: getattr(rules, name) for name in TABLE} == by_name(written)
    assert rules.merchant_keys == frozenset({"amazon", "walmart"})
    assert rules.functions == frozenset({"pay"})
    assert rules.blocked_codes == frozenset({"5993", "1234"})
    assert rules.all_limits == (
        Limit(period=Period.DAY, amount_minor=1000_00),
        Limit(period=Period.MONTH, count=5),
    )
    assert rules.allowed_hours == (wide,)
    assert rules.merchants_by_skeleton == {
        LOOKS.skeleton("Amazon"): "Amazon",
        LOOKS.skeleton("Walmart"): "Walmart",
    }


def test_decisions_are_given_null_as_any_and_an_empty_list_as_none() -> None:
    anything = parse_terms(
        {**SEED, "allowed_merchants": None, "allowed_functions": None}
    )
    nothing = parse_terms({**SEED, "allowed_merchants": [], "allowed_countries": []})

    free = compile_rules(anything, version_id="pol_1", number=1)
    shut = compile_rules(nothing, version_id="pol_1", number=1)

    assert (free.merchant_keys, free.allowed_functions) == (None, None)
    assert free.merchants_by_skeleton == {}
    assert (free.allowed_countries, free.allowed_hours) == (None, None)
    assert (shut.merchant_keys, shut.allowed_countries) == (frozenset(), ())


def test_j7_null_allows_any_merchant_and_an_empty_list_none() -> None:
    any_merchant = parse_terms({**SEED, "allowed_merchants": None})
    no_merchant = parse_terms({**SEED, "allowed_merchants": []})

    assert any_merchant.allowed_merchants is None
    assert no_merchant.allowed_merchants == ()


def test_what_is_not_mentioned_is_asked_for() -> None:
    with pytest.raises(PolicyInvalid) as error:
        parse_terms({})

    assert [(item.pointer, item.code) for item in error.value.errors] == [
        ("/max_transaction_amount", "required"),
        ("/requires_approval_above", "required"),
        ("/allowed_merchants", "required"),
        ("/blocked_categories", "required"),
    ]


def test_all_errors_are_told_with_their_places() -> None:
    errors = errors_of(
        currency="usd",
        max_transaction_amount="1,000",
        allowed_merchants=["Amazon", "A", "AMAZON", "Аmazon", 7],
        blocked_categories=["gambling", "casino", "nonsense"],
        allowed_functions=["pay", "Pay", "os.system"],
        max_transactions_per_hour=0,
        requires_signature="yes",
        **{"a/b": 1},
    )

    assert errors == [
        ("/a~1b", "unknown_field"),
        ("/currency", "currency_unknown"),
        ("/max_transaction_amount", "amount_not_a_number"),
        ("/max_transactions_per_hour", "out_of_range"),
        ("/allowed_merchants/1", "merchant_length"),
        ("/allowed_merchants/2", "duplicate"),
        ("/allowed_merchants/3", "merchant_suspicious"),
        ("/allowed_merchants/4", "not_a_text"),
        ("/blocked_categories/1", "duplicate"),
        ("/blocked_categories/2", "category_unknown"),
        ("/allowed_functions/1", "function_name"),
        ("/allowed_functions/2", "function_name"),
        ("/requires_signature", "not_a_boolean"),
    ]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        (
            {"requires_approval_above": "1000.01"},
            ("/requires_approval_above", "above_maximum"),
        ),
        (
            {"max_transaction_amount": None},
            ("/max_transaction_amount", "amount_not_a_number"),
        ),
        (
            {"max_transaction_amount": "0"},
            ("/max_transaction_amount", "amount_not_positive"),
        ),
        ({"daily_budget": "-1"}, ("/daily_budget", "amount_not_positive")),
        ({"blocked_categories": None}, ("/blocked_categories", "not_a_list")),
        ({"allowed_merchants": "Amazon"}, ("/allowed_merchants", "not_a_list")),
        ({"allowed_merchants": ["ab"] * 10_001}, ("/allowed_merchants", "too_many")),
        (
            {"max_transactions_per_hour": True},
            ("/max_transactions_per_hour", "not_an_integer"),
        ),
        (
            {"max_transactions_per_hour": Decimal("1.0")},
            ("/max_transactions_per_hour", "not_an_integer"),
        ),
    ],
)
def test_a_wrong_field_is_refused(
    changes: dict[str, Any], error: tuple[str, str]
) -> None:
    assert errors_of(**changes) == [error]


def test_approval_may_be_needed_from_zero_and_up_to_the_maximum() -> None:
    always = parse_terms({**SEED, "requires_approval_above": "0"})
    never = parse_terms({**SEED, "requires_approval_above": None})
    at_maximum = parse_terms({**SEED, "requires_approval_above": "1000.00"})

    assert always.requires_approval_above_minor == 0
    assert never.requires_approval_above_minor is None
    assert at_maximum.requires_approval_above_minor == 100_000


def test_a_category_is_stored_under_its_one_name() -> None:
    draft = {**SEED, "blocked_categories": ["Casino", "crypto-currency", "Bitcoin"]}

    with pytest.raises(PolicyInvalid) as error:
        parse_terms(draft)

    assert error.value.errors == (
        FieldError(
            "/blocked_categories/1", "category_unknown", "There is no such category."
        ),
    )
    assert parse_terms(
        {**SEED, "blocked_categories": ["Casino"]}
    ).blocked_categories == ("gambling",)


def test_changes_tell_what_was_and_what_is() -> None:
    new = parse_terms(
        {
            **SEED,
            "max_transaction_amount": "2000",
            "allowed_merchants": ["Walmart", "Target"],
            "daily_budget": "50",
        }
    )

    assert describe_changes(TERMS, new) == {
        "max_transaction_amount": ["1000.00", "2000.00"],
        "daily_budget": [None, "50.00"],
        "allowed_merchants": {"added": ["Target"], "removed": ["Amazon"]},
    }


def test_a_first_version_changes_everything() -> None:
    changes = describe_changes(None, TERMS)

    assert changes == {name: [None, value] for name, value in to_wire(TERMS).items()}


def test_c15_naming_a_function_loosens_what_let_any_read() -> None:
    """A named function may send; null lets pass what only reads."""
    reading = parse_terms({**SEED, "allowed_functions": None})

    assert loosens(reading, parse_terms({**SEED, "allowed_functions": ["transfer"]}))
    assert not loosens(reading, parse_terms({**SEED, "allowed_functions": []}))
    assert not loosens(reading, reading)


@pytest.mark.parametrize(
    "change",
    [
        {"max_transaction_amount": "1000.01"},
        {"requires_approval_above": "500.01"},
        {"requires_approval_above": None},
        {"allowed_merchants": ["Amazon", "Walmart", "Target"]},
        {"allowed_merchants": None},
        {"blocked_categories": ["adult"]},
        {"allowed_functions": ["transfer"]},
        {"allowed_functions": None},
        {"currency": "EUR"},
    ],
)
def test_a_looser_limit_loosens(change: dict[str, Any]) -> None:
    assert loosens(TERMS, parse_terms({**SEED, **change}))


@pytest.mark.parametrize(
    "change",
    [
        {"max_transaction_amount": "999.99"},
        {"requires_approval_above": "499.99"},
        {"allowed_merchants": ["AMAZON"]},  # Without Walmart.
        {"allowed_merchants": []},
        {"blocked_categories": ["adult", "gambling", "crypto"]},
        {"daily_budget": "10"},
        {"max_transactions_per_hour": 5},
        {"requires_signature": True},
    ],
)
def test_a_stricter_limit_does_not_loosen(change: dict[str, Any]) -> None:
    stricter = parse_terms({**SEED, **change})

    assert not loosens(TERMS, stricter)
    assert loosens(stricter, TERMS)


def test_any_first_policy_loosens() -> None:
    assert loosens(None, TERMS)


@given(terms())
def test_terms_read_back_from_their_wire_form(given_terms: PolicyTerms) -> None:
    assert parse_terms(to_wire(given_terms)) == given_terms


@given(terms("USD"), terms("USD"))
def test_changes_are_empty_only_between_equals(
    old: PolicyTerms, new: PolicyTerms
) -> None:
    assert (describe_changes(old, new) == {}) == (old == new)


@given(terms("USD"))
def test_nothing_loosens_itself(given_terms: PolicyTerms) -> None:
    assert not loosens(given_terms, given_terms)


@given(terms("USD"), terms("USD"), terms("USD"))
def test_two_steps_that_loosen_nothing_are_one(
    first: PolicyTerms, second: PolicyTerms, third: PolicyTerms
) -> None:
    if not loosens(first, second) and not loosens(second, third):
        assert not loosens(first, third)


@given(terms("USD"), st.integers(1, 1000))
def test_a_higher_maximum_always_loosens(given_terms: PolicyTerms, more: int) -> None:
    higher = dataclasses.replace(
        given_terms,
        max_transaction_amount_minor=given_terms.max_transaction_amount_minor + more,
    )

    assert loosens(given_terms, higher)
    assert not loosens(higher, given_terms)


@given(
    st.dictionaries(
        st.sampled_from([*SEED, "currency", "daily_budget", "x"]),
        st.none() | st.booleans() | st.text() | st.integers() | st.lists(st.text()),
    )
)
def test_any_document_is_a_policy_or_told_what_is_wrong(draft: dict[str, Any]) -> None:
    with contextlib.suppress(PolicyInvalid):
        read = parse_terms(draft)

        assert parse_terms(to_wire(read)) == read
