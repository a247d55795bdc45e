"""From its record alone a decision comes out the same; a changed record does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from audit.base.core.codec import as_json
from tests.transactions.core.cases import SHOPPING, facts, policy, spending
from tests.transactions.core.strategies import all_facts, policies, thresholds
from tests.transactions.core.test_record import recorded
from tests.transactions.core.test_values import call_facts
from transactions.calls.core.decision import decide_call
from transactions.decisions.core.outcome import Outcome
from transactions.decisions.core.record import (
    ENGINE_VERSION,
    record_digest,
    verdict_as_json,
)
from transactions.decisions.core.verdict import Verdict
from transactions.evidence.core.replay import Rule, compare_rules, rederive, replay
from transactions.spending.core.decision import decide

ALLOW, HOLD, DENY = Outcome


def replayed(record, rules=SHOPPING, *, digest=None, logged=None):
    digest = record_digest(record) if digest is None else digest
    logged = digest if logged is None else logged
    return replay(record, digest=digest, logged=logged, policy=rules)


@given(all_facts, policies(), thresholds)
def test_j16_any_decision_on_spending_comes_out_the_same(what, rules, limits):
    record = recorded(what, rules, limits)

    result = replayed(record, rules, logged=record_digest(record))

    assert (result.matches, result.differences) == (True, ())
    assert result.replayed == result.recorded
    assert rederive(record, rules) == decide(what, rules, limits)


@given(call_facts, policies())
def test_j16_any_decision_on_a_call_comes_out_the_same(what, rules):
    verdict = Verdict(*decide_call(what, rules), None)
    inputs = {"facts": as_json(what), "policy_digest": rules and rules.digest}
    record = recorded(
        transaction=None,
        function_call="fnc_1",
        inputs=inputs,
        **verdict_as_json(verdict),
    )

    assert replayed(record, rules).matches is True
    assert rederive(record, rules) == verdict


def test_no_policy_comes_out_the_same_too():
    record = recorded(rules=None)

    assert record.outcome == "deny"
    assert replayed(record, None).matches is True


@pytest.mark.parametrize(
    ("change", "differences"),
    [
        ({"outcome": "deny"}, {"outcome"}),
        ({"findings": []}, {"findings"}),
        ({"findings": "none"}, {"findings"}),
        ({"risk_bp": 0}, {"risk_bp"}),
        ({"risk_factors_bp": {"amount": 0}}, {"risk_factors_bp"}),
        ({"id": "dec_other"}, set()),
        ({"transaction": "txn_other"}, set()),
        ({"policy_version": "pol_other"}, set()),
    ],
)
def test_j16_a_changed_record_is_told_by_what_differs_and_by_its_digest(
    change, differences
):
    record = recorded()
    digest = record_digest(record)

    result = replayed(replace(record, **change), digest=digest)

    assert result.matches is False
    assert set(result.differences) == {*differences, "digest"}


def test_j16_a_record_that_was_digested_anew_differs_from_what_the_log_tells():
    record = recorded()
    forged = replace(record, id="dec_other")

    result = replayed(forged, logged=record_digest(record))

    assert (result.matches, result.differences) == (False, ("logged_digest",))
    digest = record_digest(record)
    unknown = replay(record, digest=digest, logged=None, policy=SHOPPING)
    assert (unknown.matches, unknown.differences) == (False, ("logged_digest",))


def test_j16_a_digest_that_was_taken_away_is_missed():
    record = recorded()
    told = record_digest(record)
    older = replace(record, engine_version=None)

    assert replayed(record, digest="").differences == ("digest",)
    assert replayed(older, digest="").matches is None
    assert replayed(older, digest="", logged=told).differences == ("logged_digest",)


def test_other_facts_give_another_verdict():
    record = recorded()
    much = as_json(facts(spending(5000_00)))
    forged = replace(record, inputs={**record.inputs, "facts": much})

    result = replayed(forged, digest=record_digest(record))

    assert result.recorded["outcome"] == "allow"
    assert result.replayed["outcome"] == "deny"
    assert "digest" in result.differences


def test_a_policy_whose_terms_were_changed_is_named():
    record = recorded()

    result = replayed(record, policy(max_transaction_amount_minor=1_000_00 + 1))

    assert (result.matches, result.differences) == (False, ("policy_digest",))


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        [],
        "facts",
        {"facts": None},
        {"facts": {}, "thresholds": {}},
        {"facts": recorded().inputs["facts"]},
        {"facts": recorded().inputs["facts"] | {"now": "noon"}, "thresholds": {}},
        {"facts": recorded().inputs["facts"] | {"now": float("nan")}},
    ],
)
def test_facts_that_cannot_be_read_give_no_verdict(inputs):
    record = replace(recorded(), inputs=inputs)

    result = replayed(record, digest=record_digest(recorded()))

    assert result.matches is False
    assert {"outcome", "findings", "digest"} <= set(result.differences)
    assert result.replayed["outcome"] is None
    with pytest.raises(ValueError, match=r"."):
        rederive(record, SHOPPING)


@pytest.mark.parametrize("version", [1, ENGINE_VERSION + 1])
def test_what_another_engine_decided_is_said_to_be_so(version):
    record = recorded(engine_version=version)

    result = replayed(record, policy(number=9))
    changed = replayed(replace(record, outcome="deny"), digest=record_digest(record))

    assert (result.matches, result.differences) == (None, ())
    assert "outcome" not in result.replayed
    # Its digest binds it still.
    assert (changed.matches, changed.differences) == (False, ("digest",))


def test_rules_are_compared_by_check_and_code():
    record = recorded(facts(spending(600_00, "Target")))
    today = policy(
        requires_approval_above_minor=None,
        allowed_merchants=None,
        max_transaction_amount_minor=550_00,
    )

    rules = compare_rules(record, rederive(record, today))

    assert rules == [
        Rule("amount", "amount_requires_approval", HOLD, None),
        Rule("merchant", "merchant_not_allowed", DENY, None),
        Rule("amount", "amount_above_maximum", None, DENY),
    ]


def test_a_rule_that_found_two_things_counts_with_the_stricter():
    found = recorded().findings[0]
    record = recorded(findings=[found, {**found, "outcome": "hold"}, found])

    [rule] = compare_rules(record, rederive(record, SHOPPING))

    assert rule == Rule("policy", "allowed_by_policy", HOLD, ALLOW)


@pytest.mark.parametrize("findings", [None, [{}], [1], [{"check": "a", "code": "b"}]])
def test_findings_that_cannot_be_read_are_not_compared(findings):
    record = recorded(findings=findings)

    with pytest.raises(ValueError, match="unreadable"):
        compare_rules(record, rederive(record, SHOPPING))
