"""Limits per period: how they are read, explained and compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policy.core.draft import PolicyInvalid, parse_terms
from agents.policy.core.limits import (
    LIMIT_WORDS,
    Limit,
    Per,
    Period,
    Window,
    any_looser,
    spoken_limit,
    translate_limit,
)
from agents.policy.core.policy import (
    describe_changes,
    loosens,
    policy_sentences,
    to_wire,
)
from agents.policy.core.terms import PolicyTerms
from tests.factories import SEED_POLICY


def terms(*limits: Any, **others: Any) -> PolicyTerms:
    return parse_terms({**SEED_POLICY, "limits": list(limits), **others})


def test_limits_are_read_and_written_as_they_stand():
    limits = [
        {"period": "month", "amount": "2000.00"},
        {"period": "day", "window": "rolling", "per": "merchant", "count": 3},
        {"period": "all_time", "per": "category", "name": "Travel", "amount": 10},
        {"period": "week", "per": "merchant", "name": "Amazon", "amount": "0"},
    ]

    read = terms(*limits).limits

    assert read == (
        Limit(period=Period.MONTH, amount_minor=2000_00),
        Limit(period=Period.DAY, window=Window.ROLLING, per=Per.MERCHANT, count=3),
        Limit(
            period=Period.ALL_TIME, per=Per.CATEGORY, name="travel", amount_minor=10_00
        ),
        Limit(period=Period.WEEK, per=Per.MERCHANT, name="Amazon", amount_minor=0),
    )
    assert terms(*to_wire(terms(*limits))["limits"]).limits == read


@pytest.mark.parametrize(
    ("limit", "pointer", "code"),
    [
        ("day", "/limits/0", "not_an_object"),
        ({"amount": "1"}, "/limits/0/period", "required"),
        ({"period": "year", "count": 1}, "/limits/0/period", "unknown_choice"),
        ({"period": ["day"], "count": 1}, "/limits/0/period", "unknown_choice"),
        ({"period": None, "count": 1}, "/limits/0/period", "unknown_choice"),
        (
            {"period": "day", "count": 1, "window": None},
            "/limits/0/window",
            "unknown_choice",
        ),
        ({"period": "day", "count": 1, "per": None}, "/limits/0/per", "unknown_choice"),
        ({"period": "day"}, "/limits/0", "limit_of_nothing"),
        ({"period": "day", "amount": "NaN"}, "/limits/0/amount", "amount_not_a_number"),
        (
            {"period": "day", "amount": "1.001"},
            "/limits/0/amount",
            "amount_too_many_decimals",
        ),
        ({"period": "day", "count": -1}, "/limits/0/count", "out_of_range"),
        ({"period": "day", "count": True}, "/limits/0/count", "out_of_range"),
        ({"period": "day", "count": 1.5}, "/limits/0/count", "out_of_range"),
        ({"period": "day", "count": 1, "x/y": 1}, "/limits/0/x~1y", "unknown_field"),
        (
            {"period": "day", "count": 1, "name": "Amazon"},
            "/limits/0/name",
            "name_without_use",
        ),
        (
            {"period": "day", "count": 1, "per": "category", "name": "unheard"},
            "/limits/0/name",
            "category_unknown",
        ),
        (
            {"period": "day", "count": 1, "per": "merchant", "name": "Am\u0430zon"},
            "/limits/0/name",
            "merchant_suspicious",
        ),
        (
            {"period": "all_time", "window": "rolling", "count": 1},
            "/limits/0/window",
            "unknown_choice",
        ),
    ],
)
def test_what_is_wrong_with_a_limit_is_told_with_its_place(limit, pointer, code):
    with pytest.raises(PolicyInvalid) as refused:
        terms(limit)

    assert [(e.pointer, e.code) for e in refused.value.errors] == [(pointer, code)]


def test_two_limits_that_count_the_same_are_refused():
    with pytest.raises(PolicyInvalid) as refused:
        terms(
            {"period": "day", "per": "merchant", "name": "Amazon", "count": 1},
            {"period": "day", "per": "merchant", "name": "AMAZON", "amount": "1"},
        )

    [error] = refused.value.errors
    assert (error.pointer, error.code) == ("/limits/1", "duplicate")


def test_a_daily_budget_and_a_limit_that_says_the_same_are_refused():
    with pytest.raises(PolicyInvalid) as refused:
        terms({"period": "day", "amount": "5.00"}, daily_budget="100.00")

    [error] = refused.value.errors
    assert (error.pointer, error.code) == ("/daily_budget", "duplicate")


def test_limits_are_a_list_of_at_most_twenty():
    for value, code in ((None, "not_a_list"), ([{}] * 21, "too_many")):
        with pytest.raises(PolicyInvalid) as refused:
            parse_terms({**SEED_POLICY, "limits": value})

        [error] = refused.value.errors
        assert (error.pointer, error.code) == ("/limits", code)


def test_an_unknown_time_zone_is_refused():
    with pytest.raises(PolicyInvalid) as refused:
        terms(time_zone="Europe/Atlantis")

    [error] = refused.value.errors
    assert (error.pointer, error.code) == ("/time_zone", "time_zone_unknown")


def test_limits_are_told_in_sentences():
    told = policy_sentences(
        terms(
            {"period": "month", "amount": "2000.00", "count": 1000},
            {"period": "day", "window": "rolling", "per": "merchant", "count": 3},
            {"period": "all_time", "per": "category", "name": "travel", "amount": 10},
            time_zone="Europe/Berlin",
            daily_budget="100.00",
        )
    )

    assert [sentence for subject, sentence in told if subject == "Limit"] == [
        "At most 2,000.00 USD and 1,000 transactions in a month.",
        "At most 3 transactions at one merchant within 24 hours.",
        "At most 10.00 USD on travel in all.",
    ]
    assert ("Each day (Europe/Berlin)", "At most 100.00 USD.") in told


MONTH = {"period": "month", "amount": "100.00", "count": 5}


@pytest.mark.parametrize(
    ("new", "is_looser"),
    [
        (MONTH, False),
        (MONTH | {"amount": "99.99"}, False),
        (MONTH | {"amount": "100.01"}, True),
        (MONTH | {"count": 6}, True),
        (MONTH | {"count": None}, True),
        (MONTH | {"window": "rolling"}, True),
        (MONTH | {"per": "merchant"}, True),
        (None, True),
    ],
)
def test_a_limit_that_is_higher_or_gone_loosens(new, is_looser):
    old, changed = terms(MONTH), terms(*([new] if new else []))

    assert loosens(old, changed) is is_looser


def test_an_added_limit_does_not_loosen_and_is_described():
    change = describe_changes(terms(), terms(MONTH))

    assert not loosens(terms(), terms(MONTH))
    assert change == {
        "limits": {
            "added": [
                {
                    "period": "month",
                    "window": "calendar",
                    "per": "agent",
                    "name": "",
                    "amount": "100.00",
                    "count": 5,
                }
            ],
            "removed": [],
        }
    }


def test_another_time_zone_begins_days_anew_hence_loosens():
    assert loosens(terms(MONTH), terms(MONTH, time_zone="Asia/Tokyo"))
    assert not loosens(terms(), terms(time_zone="Asia/Tokyo"))


limits = st.builds(
    Limit,
    period=st.sampled_from([Period.DAY, Period.MONTH]),
    window=st.sampled_from(Window),
    per=st.sampled_from(Per),
    amount_minor=st.none() | st.integers(0, 100),
    count=st.none() | st.integers(0, 100),
)
lists = st.lists(limits, max_size=4, unique_by=lambda limit: limit.identity)


@st.composite
def tightened(draw: st.DrawFn, given_limits: list[Limit]) -> list[Limit]:
    """Return limits as low or lower, in any order, and perhaps one more."""
    lower = [
        replace(
            limit,
            amount_minor=draw(_at_most(limit.amount_minor)),
            count=draw(_at_most(limit.count)),
        )
        for limit in given_limits
    ]
    known = {limit.identity for limit in given_limits}
    more = draw(st.lists(limits, max_size=1))
    added = [limit for limit in more if limit.identity not in known]
    return draw(st.permutations([*lower, *added]))


def _at_most(value: int | None) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(0, 100) if value is None else st.integers(0, value)


@given(lists, st.data())
def test_not_looser_is_an_order(one, data):
    two = data.draw(tightened(one))
    three = data.draw(tightened(two))

    for old, new in ((one, one), (one, two), (two, three), (one, three)):
        assert not any_looser(old, new)


@given(lists, lists, lists)
def test_what_two_changes_do_not_loosen_together_they_do_not_either(one, two, three):
    if not any_looser(one, two) and not any_looser(two, three):
        assert not any_looser(one, three)


@given(lists, limits)
def test_raising_a_limit_is_looser_and_lowering_is_not(others, limit):
    rest = [other for other in others if other.identity != limit.identity]
    higher = replace(
        limit,
        amount_minor=None if limit.amount_minor is None else limit.amount_minor + 1,
    )

    assert any_looser([*rest, limit], [*rest, higher]) is (
        limit.amount_minor is not None
    )
    assert not any_looser([*rest, higher], [*rest, limit])
    assert spoken_limit(limit)


@given(limits)
def test_a_spoken_limit_is_told_otherwise_word_by_word(limit):
    heard = []

    def tell(word: str) -> str:
        heard.append(word)
        return word

    assert translate_limit(spoken_limit(limit), tell) == spoken_limit(limit)
    assert LIMIT_WORDS.issuperset(heard)
    assert len(heard) == (1 if limit.per is Per.AGENT else 2)


@pytest.mark.parametrize("text", ["", "in a year", "at in a daydream", "in a day "])
def test_what_no_limit_says_is_told_as_it_is(text):
    assert translate_limit(text, str.upper) == text


def test_a_name_is_no_template_and_no_word_of_ours():
    assert translate_limit("at {name} in a day in a month", "<{}>".format) == (
        "<at {name} in a day> <in a month>"
    )
