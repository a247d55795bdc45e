"""One record, one digest; whatever is changed in it, another one."""

from __future__ import annotations

import copy
from dataclasses import fields, replace
from datetime import timedelta
from hashlib import sha256

import pytest
import rfc8785
from hypothesis import given

from audit.base.core.codec import as_json
from tests.transactions.core.cases import NOW, SHOPPING, THRESHOLDS, facts, policy
from tests.transactions.core.strategies import all_facts
from transactions.decisions.core.record import (
    ENGINE_VERSION,
    Record,
    record_digest,
    verdict_as_json,
)
from transactions.spending.core.decision import decide


def recorded(what=None, rules=SHOPPING, thresholds=THRESHOLDS, **values) -> Record:
    """Return the record of a decision on facts."""
    what = facts() if what is None else what
    given = {
        "id": "dec_1",
        "transaction": "txn_1",
        "function_call": None,
        "inputs": {
            "facts": as_json(what),
            "thresholds": as_json(thresholds),
            "policy_digest": rules and rules.digest,
        },
        "policy_version": None if rules is None else rules.id,
        "engine_version": ENGINE_VERSION,
        "decided_at": NOW,
    }
    return Record(**verdict_as_json(decide(what, rules, thresholds)) | given | values)


@given(all_facts)
def test_the_digest_is_that_of_canonical_json_by_a_foreign_library(what):
    # Which has no spelling for numbers beyond 2^53 - 1: ours keeps their digits.
    activity = replace(what.activity, allowed_sum_minor=1, allowed_sum_of_squares=1)
    small = replace(what, activity=activity)
    record = recorded(small)
    content = {each.name: getattr(record, each.name) for each in fields(record)}
    content["decided_at"] = "2025-03-04T15:30:00Z"

    expected = sha256(rfc8785.dumps(content)).hexdigest()

    assert record_digest(record) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"id": "dec_2"},
        {"transaction": "txn_2"},
        {"transaction": None, "function_call": "txn_1"},
        {"outcome": "deny"},
        {"findings": []},
        {"risk_bp": 1},
        {"risk_bp": None},
        {"risk_factors_bp": {}},
        {"policy_version": "pol_2"},
        {"policy_version": None},
        {"engine_version": ENGINE_VERSION + 1},
        {"engine_version": None},
        {"decided_at": NOW + timedelta(microseconds=1)},
    ],
)
def test_j16_whatever_is_changed_in_a_record_changes_its_digest(change):
    record = recorded()

    assert record_digest(replace(record, **change)) != record_digest(record)


def test_j16_so_does_every_single_input():
    record = recorded()
    before = record_digest(record)

    changed = list(with_one_leaf_changed(record.inputs))

    assert len(changed) > 170
    assert before not in {record_digest(replace(record, inputs=i)) for i in changed}
    assert record_digest(record) == before


def with_one_leaf_changed(value):
    """Yield copies of a JSON value, each with one leaf other than it was."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        if isinstance(inner, dict | list):
            others = with_one_leaf_changed(inner)
        else:
            others = iter(["other" if inner != "other" else "another"])
        for other in others:
            changed = copy.copy(value)
            changed[key] = other
            yield changed


def test_the_digest_of_a_policy_is_of_all_its_terms():
    others = [
        policy(number=2),
        policy(requires_approval_above_minor=None),
        policy(allowed_merchants=None),
        policy(allowed_merchants=()),
        policy(blocked_categories=()),
        policy(requires_signature=True),
    ]

    digests = {rules.digest for rules in [SHOPPING, *others]}

    assert len(digests) == 7
    assert policy().digest == SHOPPING.digest
