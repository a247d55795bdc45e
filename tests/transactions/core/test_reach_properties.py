"""Whatever a policy's reach, narrowing it never opens, and loosens() misses nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from agents.core.mcc import GROUPS
from agents.policy.core.policy import compile_rules, loosens, needs_second_person
from audit.base.core.lookalikes import LOOKS
from tests.agents.policies import TERMS
from tests.transactions.core import strategies as any_
from tests.transactions.core.cases import NOW, THRESHOLDS, asked_before, facts, spending
from tests.transactions.core.test_decision_properties import SEVERITY, severity
from transactions.decisions.core.activity import no_activity
from transactions.decisions.core.facts import MerchantHistory
from transactions.risk.core.likeness import near_duplicate
from transactions.risk.core.score import assess, is_repeated
from transactions.spending.core import decision
from transactions.spending.core.decision import CHECKS, decide

NAMES = ["Amazon", "Walmart", "Target", "Arnazon"]
codes = st.sampled_from(any_.MCCS[1:])
countries = st.sampled_from(any_.COUNTRIES[1:])


def some(values):
    return st.lists(values, max_size=2, unique=True).map(tuple)


OPEN = replace(
    TERMS,
    max_transaction_amount_minor=2_000,
    requires_approval_above_minor=None,
    allowed_merchants=None,
    blocked_categories=(),
)
CHOICES = {
    "max_transaction_amount_minor": st.sampled_from([1_000, 2_000]),
    "requires_approval_above_minor": st.sampled_from([None, 0, 500, 1_000]),
    "daily_budget_minor": st.sampled_from([None, 1_500, 3_000]),
    "max_transactions_per_hour": st.none() | st.integers(1, 200),
    "allowed_merchants": st.none() | some(st.sampled_from(NAMES)),
    "blocked_categories": some(st.sampled_from(["gambling", "adult"])),
    "time_zone": st.sampled_from(any_.ZONES),
    "allowed_countries": st.none() | some(countries),
    "blocked_countries": some(countries),
    "allowed_hours": any_.hours,
    "blocked_mcc_groups": some(st.sampled_from(["gambling", "cash"])),
    "blocked_mccs": some(codes),
}


GROUPED = (
    ("allowed_hours", "time_zone"),
    ("blocked_mcc_groups", "blocked_mccs"),
    ("allowed_countries", "blocked_countries"),
    ("max_transactions_per_hour", "daily_budget_minor"),
    ("allowed_merchants", "blocked_categories"),
    ("max_transaction_amount_minor", "requires_approval_above_minor"),
    tuple(CHOICES),
)


@st.composite
def changed(draw, terms, names):
    """Change some of these terms, each to anything."""
    chosen = draw(st.sets(st.sampled_from(names), min_size=1, max_size=3))
    return replace(terms, **{name: draw(CHOICES[name]) for name in sorted(chosen)})


# Nothing in them denies by itself, so that a term of the policy is what decides.
plain_facts = st.builds(
    facts,
    st.builds(
        spending,
        st.integers(1, 1_200),
        st.sampled_from(NAMES),
        category=st.sampled_from(any_.CATEGORIES),
        merchant_country=st.sampled_from(any_.COUNTRIES),
        mcc=st.sampled_from(any_.MCCS),
    ),
    activity=st.integers(0, 5).map(lambda count: asked_before(count * 20)),
    merchant=st.builds(MerchantHistory, st.integers(0, 9)),
    now=st.integers(0, 7 * 24).map(lambda hours: NOW + timedelta(hours=hours)),
)


def compiled(terms):
    return compile_rules(terms, version_id="pol_any", number=1)


@given(data=st.data())
def test_what_loosens_nothing_treats_no_request_more_leniently(data):
    names = data.draw(st.sampled_from(GROUPED))
    old = data.draw(changed(OPEN, names))
    new = data.draw(changed(old, names))
    assume(not loosens(old, new))
    known = [data.draw(plain_facts) for _ in range(5)] + [data.draw(any_.all_facts)]

    for each in known:
        assert severity(each, compiled(new)) >= severity(each, compiled(old))
    assert not needs_second_person(old, new, alone_up_to=100)


def test_a_first_limit_on_speed_above_the_reference_loosens():
    """Else the risk of 50 requests an hour falls from 0.83 to 0.50 unseen."""
    unlimited = replace(TERMS, max_transactions_per_hour=None)

    assert not loosens(unlimited, replace(TERMS, max_transactions_per_hour=60))
    assert loosens(unlimited, replace(TERMS, max_transactions_per_hour=61))


@given(any_.all_facts, any_.policies(), countries)
def test_blocking_a_country_never_opens(known, rules, country):
    tighter = replace(rules, blocked_countries=(*rules.blocked_countries, country))

    assert severity(known, tighter) >= severity(known, rules)


@given(any_.all_facts, any_.policies(), countries)
def test_removing_an_allowed_country_never_opens(known, rules, country):
    allowed = rules.allowed_countries
    if allowed is None:
        allowed = tuple(any_.COUNTRIES[1:])
    fewer = tuple(code for code in allowed if code != country)
    tighter = replace(rules, allowed_countries=fewer)

    assert severity(known, tighter) >= severity(known, rules)


@given(any_.all_facts, any_.policies(), codes | st.sampled_from(sorted(GROUPS)))
def test_blocking_a_kind_of_seller_never_opens(known, rules, blocked):
    more = GROUPS.get(blocked, frozenset({blocked}))
    tighter = replace(rules, blocked_mccs=(*rules.blocked_mccs, *more))

    assert severity(known, tighter) >= severity(known, rules)


@given(any_.all_facts, any_.policies(), st.data())
def test_removing_hours_never_opens(known, rules, data):
    hours = rules.allowed_hours
    if hours is None:
        fewer = data.draw(any_.hours.filter(lambda given: given is not None))
    else:
        fewer = tuple(each for each in hours if data.draw(st.booleans()))

    tighter = replace(rules, allowed_hours=fewer)

    assert severity(known, tighter) >= severity(known, rules)


@given(any_.all_facts, any_.policies(), any_.amounts)
def test_risk_never_falls_when_the_amount_grows(known, rules, more):
    assume(not is_repeated(known, THRESHOLDS))
    amount = known.request.amount_minor + more
    larger = replace(known, request=replace(known.request, amount_minor=amount))

    one, other = (assess(each, rules, THRESHOLDS) for each in (known, larger))

    assert tuple(map(max, one.as_tuple(), other.as_tuple())) == other.as_tuple()
    assert len(other.as_tuple()) == 4


ORDERS = tuple(permutations(CHECKS))


@given(any_.all_facts, any_.policies(), st.sampled_from(ORDERS))
def test_the_order_of_the_checks_changes_nothing_but_the_order_of_findings(
    known, rules, order
):
    usual = decide(known, rules, THRESHOLDS)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decision, "CHECKS", order)
        other = decide(known, rules, THRESHOLDS)

    assert (other.outcome, other.risk) == (usual.outcome, usual.risk)
    assert sorted(map(repr, other.findings)) == sorted(map(repr, usual.findings))


@given(any_.all_facts, any_.policies())
@example(facts(spending(49_99, "Arnazon")), compiled(TERMS))
def test_knowing_a_merchant_that_looks_alike_never_loosens(known, rules):
    stranger = replace(known, merchant=replace(known.merchant, lookalikes=()))
    warned = replace(known, merchant=replace(known.merchant, lookalikes=("amazon",)))

    assert severity(warned, rules) >= severity(stranger, rules)


@given(any_.all_facts, any_.policies())
def test_remembering_recent_requests_never_loosens(known, rules):
    forgetful = replace(known, activity=replace(known.activity, recent=()))

    assert severity(known, rules) >= severity(forgetful, rules)


def test_the_severities_are_those_of_the_outcomes():
    known = facts(merchant=MerchantHistory(), activity=no_activity(facts().now))

    assert near_duplicate(known, THRESHOLDS, LOOKS) is None
    assert sorted(SEVERITY.values()) == [0, 1, 2]
