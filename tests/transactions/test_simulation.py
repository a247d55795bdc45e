"""A draft policy on the real past: what the services did comes out the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.core.policy import compile_rules, to_wire
from agents.core.policy_draft import parse_terms
from agents.queries import rules_of, terms_of
from tests.factories import SEED_POLICY, make_agent
from tests.flows.requests import app_rows, problem
from tests.spending import (
    approve,
    deny,
    events_since,
    everything,
    held,
    principal_of,
    spend,
)
from tests.transactions.varied import AMOUNTS, CATEGORIES, CURRENCIES, DESCRIPTIONS
from transactions import services
from transactions.core.simulation import simulate
from transactions.models import Transaction
from transactions.queries import simulated_under
from transactions.queries.simulation import past_window

pytestmark = pytest.mark.usefixtures("spacious_limits")

LIMITS = [
    {"period": "week", "amount": "900.00", "count": 30},
    {"period": "hour", "window": "rolling", "amount": "2500.00"},
    {"period": "month", "per": "merchant", "amount": "5000.00"},
    {"period": "all_time", "amount": "90000.00", "per": "category"},
]


def judged_under(agent, **terms):
    """Return what a draft does to everything that an agent ever asked for."""
    draft = draft_of(**terms)
    window = past_window(agent, draft, days=90, requests_max=10_000)
    return list(
        simulate(window.pasts, draft, earlier=window.earlier, shared=window.shared)
    )


def draft_of(**terms):
    return compile_rules(
        parse_terms({**SEED_POLICY, **terms}), version_id="", number=0
    )


def outcomes(judged):
    return [(each.past.outcome, each.verdict.outcome) for each in judged]


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"daily_budget": "1200.00", "max_transactions_per_hour": 40},
        {"limits": LIMITS, "allowed_merchants": None, "max_transaction_amount": "5000"},
    ],
)
@pytest.mark.parametrize("mode", ["live", "test"])
def test_the_policy_that_was_in_force_makes_the_same_of_its_own_past(
    people, as_varied, terms, mode
):
    policy = {**SEED_POLICY, **terms}
    agent = make_agent(people.carol, acting=people.alice, mode=mode, policy=policy)
    as_varied(agent, people.bob, count=70)

    rules = rules_of(agent.policy_version)
    window = past_window(agent, rules, days=90, requests_max=10_000)
    judged = list(simulate(window.pasts, rules, earlier=window.earlier))

    assert len(judged) == 70
    for each in judged:
        facts = each.past.facts
        assert facts is not None
        assert each.verdict is not None
        row = Transaction.objects.get(pk=each.past.transaction)
        assert [f.as_json() for f in each.verdict.findings] == row.decision.findings
        assert each.verdict.risk.score_bp == row.decision.risk_bp
    assert not any(each.is_flip for each in judged)
    assert len({each.past.outcome for each in judged}) == 3


@pytest.fixture
def as_varied():
    """Makes an agent ask, and people and the agent itself answer, in every way."""
    import random  # noqa: PLC0415

    def make(agent, approver, *, count):
        rng = random.Random(7)
        now = timezone.now()
        waiting, allowed = [], []
        for _ in range(count):
            clock = {}
            if agent.mode == "test":
                hours = timedelta(hours=rng.randrange(-200, 1))
                clock = {"occurred_at": now + hours}
            body = spend(
                agent,
                rng.choice(AMOUNTS),
                currency=rng.choice(CURRENCIES),
                merchant=rng.choice(["Amazon", "Amazon", "Walmart", "Am\u0430zon"]),
                category=rng.choice(CATEGORIES),
                description=rng.choice(DESCRIPTIONS),
                **clock,
            ).body
            if body["outcome"] == "hold":
                waiting.append(body["id"])
            elif body["outcome"] == "allow":
                allowed.append(body["id"])
            if waiting and rng.random() < 0.4:
                _answer(rng, waiting.pop(), agent, approver)
            if allowed and rng.random() < 0.4:
                _follow(rng, allowed.pop(), agent)

    return make


def _answer(rng, transaction_id, agent, approver):
    from transactions.models import ApprovalRequest  # noqa: PLC0415
    from transactions.errors import StillRefused  # noqa: PLC0415

    approval = ApprovalRequest.objects.select_related("transaction").get(
        transaction=transaction_id
    )
    match rng.randrange(3):
        case 0:
            try:
                approve(approval, approver)
            except StillRefused:
                deny(approval, approver)
        case 1:
            deny(approval, approver)
        case _:
            services.cancel(transaction_id, acting=principal_of(agent))


def _follow(rng, transaction_id, agent):
    acting, key = principal_of(agent), f"follow-{transaction_id}"
    match rng.randrange(3):
        case 0:
            services.void(transaction_id, acting=acting, idempotency_key=key)
        case 1:
            services.capture(
                transaction_id,
                amount="0.01",
                is_final=True,
                acting=acting,
                idempotency_key=key,
            )
        case _:
            services.capture(
                transaction_id,
                amount=None,
                is_final=True,
                acting=acting,
                idempotency_key=key,
            )


def test_a_lower_budget_frees_nothing_and_denies_what_no_longer_fits(agent):
    for _ in range(3):
        spend(agent, "400.00", merchant="Walmart")
        spend(agent, "30.00", merchant="Amazon")

    judged = judged_under(agent, daily_budget="450.00")

    assert [each.verdict.outcome for each in judged][:4] == [
        *("allow", "allow", "deny", "deny"),
    ]
