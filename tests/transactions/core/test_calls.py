"""The verdict on a function call, without a registry."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transactions.core.cases import policy
from transactions.calls.core.decision import CallFacts, decide_call
from transactions.decisions.core.outcome import Outcome

GOOD = CallFacts(
    function="transfer",
    is_registered=True,
    is_enabled=True,
    violations=(),
    agent_is_active=True,
    owner_is_active=True,
    credential_is_live=True,
    locks=(),
)
TRANSFER = policy(allowed_functions=("transfer",))


def judge(facts=GOOD, rules=TRANSFER):
    outcome, findings = decide_call(facts, rules)
    return outcome, [finding.code for finding in findings]


def test_a_good_call_is_allowed():
    assert judge() == (Outcome.ALLOW, ["allowed_by_policy"])
    assert judge(rules=policy(allowed_functions=None))[0] is Outcome.ALLOW


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"is_registered": False, "is_enabled": False}, ["function_unknown"]),
        ({"is_enabled": False}, ["function_disabled"]),
        ({"function": "Transfer"}, ["function_not_allowed"]),
        ({"violations": None}, ["check_failed"]),
        ({"violations": ("/a: b",)}, ["parameters_invalid"]),
        ({"agent_is_active": False}, ["agent_inactive"]),
        ({"owner_is_active": False}, ["owner_inactive"]),
        ({"credential_is_live": False}, ["credential_revoked"]),
        ({"locks": ("function",)}, ["resource_locked"]),
        (
            {"function": "other", "effect": "send"},
            ["function_not_allowed", "effect_not_governed"],
        ),
    ],
)
def test_one_thing_wrong_denies(change, codes):
    assert judge(replace(GOOD, **change)) == (Outcome.DENY, codes)


def test_without_a_policy_or_with_an_empty_list_nothing_may_be_called():
    assert judge(rules=None) == (Outcome.DENY, ["no_policy"])
    assert judge(rules=policy(allowed_functions=())) == (
        Outcome.DENY,
        ["function_not_allowed"],
    )


@pytest.mark.parametrize("effect", ["write", "send", "admin", "fetch", ""])
def test_what_does_more_than_read_needs_its_name_in_the_policy(effect):
    does_more = replace(GOOD, effect=effect)

    assert judge(does_more, policy(allowed_functions=None)) == (
        Outcome.DENY,
        ["effect_not_governed"],
    )
    assert judge(does_more) == (Outcome.ALLOW, ["allowed_by_policy"])


@given(
    st.builds(
        CallFacts,
        function=st.sampled_from(["transfer", "other"]),
        is_registered=st.booleans(),
        is_enabled=st.booleans(),
        violations=st.sampled_from([(), None, ("/a: b",)]),
        agent_is_active=st.booleans(),
        owner_is_active=st.booleans(),
        credential_is_live=st.booleans(),
        locks=st.sampled_from([(), ("agent",)]),
        effect=st.sampled_from([None, "read", "write", "send", "admin"]),
    ),
    st.sampled_from([None, TRANSFER, policy(allowed_functions=None)]),
)
def test_only_what_is_right_in_every_way_is_allowed(facts, rules):
    outcome, findings = decide_call(facts, rules)

    as_good = replace(facts, function="transfer", effect=None)
    in_order = as_good == GOOD and rules is not None
    is_reading = facts.effect in (None, "read")
    listed = facts.function == "transfer" if rules == TRANSFER else is_reading
    assert (outcome is Outcome.ALLOW) == (in_order and listed)
    assert outcome is not Outcome.HOLD
    assert findings
    assert "" not in [finding.message for finding in findings]
