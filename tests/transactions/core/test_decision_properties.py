"""What must hold of every decision, whatever the facts: nothing opens by tightening."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agents.policy.core.terms import REFERENCE_REQUESTS_PER_HOUR
from audit.base.core.lookalikes import LOOKS
from tests.transactions.core import strategies as any_
from tests.transactions.core.cases import SHOPPING, THRESHOLDS, facts, spending
from transactions.decisions.core.facts import Thresholds
from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.verdict import ONE, RiskFactors
from transactions.risk.core.likeness import near_duplicate
from transactions.risk.core.score import is_repeated
from transactions.spending.core import decision
from transactions.spending.core.decision import CHECKS, HARD_CHECKS, decide, recheck

SEVERITY = {Outcome.ALLOW: 0, Outcome.HOLD: 1, Outcome.DENY: 2}


def severity(known, rules, thresholds=THRESHOLDS) -> int:
    return SEVERITY[decide(known, rules, thresholds).outcome]


def asking(known, **values):
    return replace(known, request=replace(known.request, **values))


@given(any_.all_facts, st.none() | any_.policies(), any_.thresholds)
def test_every_request_gets_a_verdict_with_reasons(known, rules, thresholds):
    verdict = decide(known, rules, thresholds)

    assert verdict.reasons
    assert "" not in [finding.message for finding in verdict.findings]
    assert verdict.outcome == max(
        (finding.outcome for finding in verdict.findings), key=SEVERITY.__getitem__
    )


@given(any_.all_facts, any_.policies(), any_.thresholds)
def test_a_decision_is_a_function_of_its_inputs(known, rules, thresholds):
    assert decide(known, rules, thresholds) == decide(known, rules, thresholds)


@given(any_.all_facts, any_.policies(), any_.amounts)
def test_a_larger_amount_is_never_treated_more_leniently(known, rules, more):
    # Repetition is about the very same amount or one like it, whatever its size.
    assume(not is_repeated(known, THRESHOLDS))
    assume(near_duplicate(known, THRESHOLDS, LOOKS) is None)
    larger = asking(known, amount_minor=known.request.amount_minor + more)

    assert severity(larger, rules) >= severity(known, rules)


@given(any_.all_facts, any_.policies(), st.sampled_from(any_.CATEGORIES[:4]))
def test_blocking_a_category_never_opens(known, rules, category):
    tighter = replace(rules, blocked_categories=(*rules.blocked_categories, category))

    assert severity(known, tighter) >= severity(known, rules)


@given(any_.all_facts, any_.policies())
def test_holding_new_merchants_never_opens(known, rules):
    careful = replace(rules, new_merchant_requires_approval=True)

    assert severity(known, careful) >= severity(known, rules)


@given(any_.all_facts, any_.policies(), st.sampled_from(any_.KEYS))
def test_removing_an_allowed_merchant_never_opens(known, rules, merchant):
    allowed = rules.allowed_merchants
    if allowed is None:  # Any merchant; an empty list allows no merchant.
        allowed = tuple(any_.KEYS)
    fewer = tuple(name for name in allowed if name != merchant)
    tighter = replace(rules, allowed_merchants=fewer)

    assert severity(known, tighter) >= severity(known, rules)


@pytest.mark.parametrize(
    "limit",
    [
        "max_transaction_amount_minor",
        "requires_approval_above_minor",
        "max_transactions_per_hour",
    ],
)
@given(data=st.data())
def test_lowering_a_limit_never_opens(limit, data):
    known, rules = data.draw(any_.all_facts), data.draw(any_.policies())
    old = getattr(rules, limit)
    least = 1 if limit == "max_transaction_amount_minor" else 0
    # A first limit on speed is lower than none only up to what risk takes for fast.
    unset = REFERENCE_REQUESTS_PER_HOUR if limit.endswith("per_hour") else 10**15
    lower = data.draw(st.integers(least, unset if old is None else max(old, least)))

    assert severity(known, replace(rules, **{limit: lower})) >= severity(known, rules)


@given(any_.all_facts, any_.policies(), any_.thresholds, any_.thresholds)
def test_raising_the_risk_thresholds_never_tightens(known, rules, one, other):
    higher = replace(
        one,
        risk_hold_above_bp=max(one.risk_hold_above_bp, other.risk_hold_above_bp),
        risk_deny_above_bp=max(one.risk_deny_above_bp, other.risk_deny_above_bp),
    )

    assert severity(known, rules, higher) <= severity(known, rules, one)


@given(
    factors=any_.risk_factors,
    name=st.sampled_from([field.name for field in fields(RiskFactors)]),
    raised=any_.basis_points,
    thresholds=any_.thresholds,
    known=any_.all_facts,
    rules=any_.policies(),
)
def test_j9_a_raised_risk_factor_never_loosens(
    factors, name, raised, thresholds, known, rules
):
    riskier = replace(factors, **{name: max(raised, getattr(factors, name))})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decision, "assess", lambda *_: factors)
        before = severity(known, rules, thresholds)
        patch.setattr(decision, "assess", lambda *_: riskier)
        after = severity(known, rules, thresholds)

    assert after >= before


@given(any_.all_facts, any_.policies(), any_.counts)
def test_more_requests_in_the_hour_never_loosen(known, rules, more):
    activity = known.activity
    *older, newest = activity.requests_by_minute
    busier = replace(activity, requests_by_minute=(*older, newest + more))

    assert severity(replace(known, activity=busier), rules) >= severity(known, rules)


@given(any_.all_facts, any_.policies(), any_.amounts)
def test_more_allowed_just_below_the_approval_limit_never_loosens(known, rules, more):
    activity = known.activity
    *older, newest = activity.just_below_by_minute
    fuller = replace(activity, just_below_by_minute=(*older, newest + more))

    assert severity(replace(known, activity=fuller), rules) >= severity(known, rules)


@given(any_.all_facts, any_.policies(), any_.amounts, any_.counts)
def test_more_spent_before_never_loosens(known, rules, more, often):
    fuller = tuple(
        replace(item, used_minor=item.used_minor + more, count=item.count + often)
        for item in known.spent
    )
    emptier = tuple(
        replace(item, used_minor=item.used_minor + more) for item in known.shared
    )

    for changed in ({"spent": fuller}, {"shared": emptier}):
        assert severity(replace(known, **changed), rules) >= severity(known, rules)


@given(any_.all_facts, any_.policies(), any_.limits)
def test_one_more_limit_never_opens(known, rules, limit):
    others = tuple(old for old in rules.limits if old.identity != limit.identity)
    fewer, more = replace(rules, limits=others), replace(rules, limits=(*others, limit))

    assert severity(known, more) >= severity(known, fewer)


@given(any_.all_facts, any_.policies(), st.randoms())
def test_the_order_of_limits_changes_nothing(known, rules, random):
    shuffled = list(rules.limits)
    random.shuffle(shuffled)
    one = decide(known, rules, Thresholds())
    other = decide(known, replace(rules, limits=tuple(shuffled)), Thresholds())

    assert one.outcome is other.outcome
    assert sorted(map(repr, one.findings)) == sorted(map(repr, other.findings))


@given(any_.all_facts, any_.policies(), any_.limits)
def test_a_limit_whose_spending_is_unknown_never_allows(known, rules, limit):
    limited = replace(rules, limits=(replace(limit, name=""),))

    assert (
        decide(replace(known, spent=()), limited, Thresholds()).outcome is Outcome.DENY
    )


@given(any_.all_facts, any_.policies(), any_.thresholds)
def test_nobody_locked_or_without_standing_is_ever_allowed(known, rules, thresholds):
    for stopped in (
        replace(known, locks=("everything",)),
        replace(known, agent_is_active=False),
        replace(known, owner_is_active=False),
        replace(known, credential_is_live=False),
    ):
        assert decide(stopped, rules, thresholds).outcome is Outcome.DENY


@given(any_.all_facts, st.none() | any_.policies(), any_.thresholds)
def test_a_recheck_returns_exactly_the_denials_of_the_hard_checks(
    known, rules, thresholds
):
    hard = {check.name for check in HARD_CHECKS}

    assert recheck(known, rules, thresholds) == tuple(
        finding
        for finding in decide(known, rules, thresholds).findings
        if finding.check in hard and finding.outcome is Outcome.DENY
    )


@given(st.sets(st.sampled_from([check.name for check in CHECKS]), min_size=1))
def test_j8_whatever_checks_raise_the_request_is_not_allowed(broken):
    def fail(case):
        raise RuntimeError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            decision,
            "CHECKS",
            tuple(
                replace(check, run=fail) if check.name in broken else check
                for check in CHECKS
            ),
        )
        verdict = decide(facts(), SHOPPING, THRESHOLDS)

    assert verdict.outcome is not Outcome.ALLOW
    assert {finding.check for finding in verdict.findings} == broken


@pytest.mark.parametrize(
    ("score", "outcome"),
    [
        (0, Outcome.ALLOW),
        (5_999, Outcome.ALLOW),
        (6_000, Outcome.ALLOW),
        (6_001, Outcome.HOLD),
        (7_999, Outcome.HOLD),
        (8_000, Outcome.HOLD),
        (8_001, Outcome.DENY),
        (ONE, Outcome.DENY),
    ],
)
def test_j9_risk_of_exactly_the_threshold_is_not_above_it(score, outcome, monkeypatch):
    factors = RiskFactors(score, score, score, score)
    monkeypatch.setattr(decision, "assess", lambda *_: factors)

    assert decide(facts(spending()), SHOPPING, THRESHOLDS).outcome is outcome
