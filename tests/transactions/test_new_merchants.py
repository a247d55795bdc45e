"""An agent's first transaction at a merchant waits, where its policy says so."""

from __future__ import annotations

import pytest

from agents.models import PolicyVersion
from agents.policy.core.draft import parse_terms
from agents.policy.core.policy import loosens, policy_sentences, to_wire
from tests.agents.policies import SEED
from tests.factories import SEED_POLICY, give_terms
from tests.spending import approve, spend
from transactions.approvals.models import ApprovalRequest

WAITS = {"new_merchant_requires_approval": True}


@pytest.fixture
def careful(agent, people):
    terms = parse_terms({**SEED_POLICY, **WAITS})
    give_terms(agent, terms, acting=people.alice)
    return agent


def reasons(answer):
    return [reason["code"] for reason in answer.body["reasons"]]


def test_the_first_one_waits_and_after_approval_no_more(careful, people):
    first = spend(careful)
    assert first.body["outcome"] == "hold"
    assert reasons(first) == ["merchant_new"]

    approve(ApprovalRequest.objects.get(), people.bob)

    assert spend(careful, "48.00").body["outcome"] == "allow"
    assert reasons(spend(careful, merchant="Walmart")) == ["merchant_new"]


def test_no_other_policy_holds_for_it(agent, as_owner):
    assert spend(agent).body["outcome"] == "allow"


def test_it_is_kept_written_explained_and_dropped_by_two(careful):
    version = PolicyVersion.objects.get(number=2)
    before, after = parse_terms(SEED), version.terms

    assert to_wire(after)["new_merchant_requires_approval"] is True
    sentences = dict(policy_sentences(after))
    assert sentences["New merchants"] == "A human decides on the first transaction."
    assert (loosens(before, after), loosens(after, before)) == (False, True)
