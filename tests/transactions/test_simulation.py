"""A draft policy on the real past: what the services did comes out the same."""

from __future__ import annotations

import contextlib
import random
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.policy.core.draft import parse_terms
from agents.policy.core.policy import compile_rules
from agents.queries import rules_of
from tests.factories import SEED_POLICY, make_agent
from tests.spending import approve, deny, held, principal_of, seen_by, spend
from tests.transactions.moving import reverse_late, take_late
from tests.transactions.sharing import share
from tests.transactions.varied import AMOUNTS, CATEGORIES, CURRENCIES, DESCRIPTIONS
from transactions.approvals.models import ApprovalRequest
from transactions.decisions.models import Decision
from transactions.errors import IncrementRefused, StillRefused
from transactions.money.services.captures import capture, increment
from transactions.money.services.giving_back import void
from transactions.simulation.core.simulation import simulate
from transactions.simulation.queries import merchant_trial, past_window, simulated_under
from transactions.spending.models import Transaction
from transactions.spending.services.lifecycle import cancel

pytestmark = pytest.mark.usefixtures("spacious_limits")

LIMITS = [
    {"period": "week", "amount": "900.00", "count": 30},
    {"period": "hour", "window": "rolling", "amount": "2500.00"},
    {"period": "month", "per": "merchant", "amount": "5000.00"},
    {"period": "all_time", "amount": "90000.00", "per": "category"},
]


def draft_of(**terms):
    draft = parse_terms({**SEED_POLICY, **terms})
    return compile_rules(draft, version_id="", number=0)


def judged_under(agent, draft, *, days=90, requests_max=10_000):
    window = past_window(agent, draft, days=days, requests_max=requests_max)
    return list(
        simulate(window.pasts, draft, earlier=window.earlier, shared=window.shared)
    )


def codes(judged):
    """Return each verdict's outcome with the codes of its causes."""
    return [
        (each.verdict.outcome.value, *(f.code for f in each.verdict.reasons))
        for each in judged
    ]


@pytest.mark.parametrize(
    "terms",
    [
        {"daily_budget": "1200.00", "max_transactions_per_hour": 40},
        {"limits": LIMITS, "allowed_merchants": None, "max_transaction_amount": "5000"},
    ],
)
@pytest.mark.parametrize("mode", ["live", "test"])
def test_the_policy_in_force_makes_the_same_of_its_own_past(people, terms, mode):
    policy = {**SEED_POLICY, **terms}
    agent = make_agent(people.carol, acting=people.alice, mode=mode, policy=policy)
    make_past(agent, people.bob, count=60)

    assert agent.policy_version is not None
    judged = judged_under(agent, rules_of(agent.policy_version))

    assert len(judged) == 60
    recorded = Decision.objects.order_by("decided_at", "pk")
    for each, row in zip(judged, recorded, strict=True):
        assert each.past.transaction == row.transaction_id
        assert [f.as_json() for f in each.verdict.findings] == row.findings
        assert each.verdict.risk.score_bp == row.risk_bp
    assert [each for each in judged if each.is_flip] == []
    assert {each.past.outcome for each in judged} == {"allow", "hold", "deny"}


def make_past(agent, approver, *, count):
    """Let an agent ask in every way, and people and itself go on from there."""
    rng, waiting, allowed = random.Random(7), [], []
    for _ in range(count):
        clock: dict[str, Any] = {}
        if agent.mode == "test":
            hours = timedelta(hours=rng.randrange(-200, 1))
            clock = {"occurred_at": timezone.now() + hours}
        body = spend(
            agent,
            rng.choice(AMOUNTS),
            currency=rng.choice(CURRENCIES),
            merchant=rng.choice(["Amazon", "Amazon", "Walmart", "Am\u0430zon"]),
            category=rng.choice(CATEGORIES),
            description=rng.choice(DESCRIPTIONS),
            **clock,
        ).body
        {"hold": waiting, "allow": allowed}.get(body["outcome"], []).append(body["id"])
        if waiting and rng.random() < 0.4:
            answer(rng, waiting.pop(), agent, approver)
        if allowed and rng.random() < 0.4:
            follow(rng, allowed.pop(), agent)


def answer(rng, transaction_id, agent, approver):
    approval = ApprovalRequest.objects.get(transaction=transaction_id)
    match rng.randrange(3):
        case 0:
            try:
                approve(approval, approver)
            except StillRefused:
                deny(approval, approver)
        case 1:
            deny(approval, approver)
        case _:
            cancel(transaction_id, acting=principal_of(agent))


def follow(rng, transaction_id, agent):
    ask: dict[str, Any] = {
        "acting": principal_of(agent),
        "idempotency_key": f"on-{transaction_id}",
    }
    match rng.randrange(3):
        case 0:
            void(transaction_id, **ask)
        case 1:
            capture(transaction_id, amount="0.01", is_final=True, **ask)
        case _:
            with contextlib.suppress(IncrementRefused):
                amount = rng.choice(["0.01", "440.00"])
                increment(transaction_id, amount=amount, **ask)


def test_a_budget_is_replayed_by_what_the_draft_itself_allowed(agent):
    for amount in ("400.00", "300.00", "60.00", "390.00"):
        spend(agent, amount)

    judged = judged_under(agent, draft_of(daily_budget="460.00"))

    # 400, not 300, 60 (which only fits since 300 was denied), not 390.
    assert codes(judged) == [
        ("allow", "allowed_by_policy"),
        ("deny", "daily_budget_exceeded"),
        ("allow", "allowed_by_policy"),
        ("deny", "daily_budget_exceeded"),
    ]


def test_what_was_given_back_is_free_again_from_then_on(agent):
    first = spend(agent, "400.00").body["id"]
    spend(agent, "61.00")
    void(first, acting=principal_of(agent), idempotency_key="void")
    spend(agent, "62.00")

    judged = judged_under(agent, draft_of(daily_budget="460.00"))

    assert [each.verdict.outcome for each in judged] == ["allow", "deny", "allow"]


def test_a_late_capture_counts_until_it_is_reversed(agent, pair):
    first = spend(agent, "400.00").body["id"]
    void(first, acting=principal_of(agent), idempotency_key="void")
    take_late(first, "5000.00", people=pair)
    spend(agent, "49.00")
    reverse_late(first, people=pair)
    spend(agent, "50.00")

    judged = judged_under(agent, draft_of(daily_budget="460.00"))

    assert [each.verdict.outcome for each in judged] == ["allow", "deny", "allow"]


def test_what_is_above_counts_in_no_shared_budget_of_the_draft(agent, pair, alice):
    share(alice, 460_00)
    first = spend(agent, "400.00").body["id"]
    void(first, acting=principal_of(agent), idempotency_key="void")
    take_late(first, "5000.00", people=pair)
    for amount in ("50.00", "390.00", "30.00"):
        spend(agent, amount)

    judged = judged_under(
        agent, draft_of(max_transaction_amount="399.00", requires_approval_above=None)
    )

    assert [each.past.outcome for each in judged] == ["allow", "allow", "deny", "deny"]
    assert codes(judged) == [
        ("deny", "amount_above_maximum"),
        ("allow", "allowed_by_policy"),
        ("allow", "allowed_by_policy"),
        ("deny", "shared_budget_exceeded"),
    ]


def test_a_denied_hold_frees_its_money_unless_the_draft_had_allowed_it(agent, people):
    deny(held(agent, "700.00"), people.bob)
    spend(agent, "49.00", merchant="Walmart")

    same = judged_under(agent, draft_of(daily_budget="740.00"))
    looser = draft_of(daily_budget="740.00", requires_approval_above=None)

    assert [each.verdict.outcome for each in same] == ["hold", "allow"]
    assert codes(judged_under(agent, looser)) == [
        ("allow", "allowed_by_policy"),
        ("deny", "daily_budget_exceeded"),
    ]


def test_what_came_before_the_window_counts_in_its_limits(agent):
    for amount in ("400.00", "50.00", "61.00"):
        spend(agent, amount)
    draft = draft_of(limits=[{"period": "all_time", "amount": "500.00"}])

    simulated = simulated_under(agent, draft, days=30, requests_max=2)

    assert simulated.is_cut
    assert simulated.summary.judged == 2
    [flip] = simulated.summary.examples
    assert flip.past.request.amount_minor == 61_00
    assert codes([flip]) == [("deny", "amount_limit_exceeded")]


def test_the_past_comes_in_batches_and_memory_and_queries_stay_few(
    agent, monkeypatch, django_assert_num_queries
):
    for _ in range(7):
        spend(agent, "1.00")
    monkeypatch.setattr("transactions.simulation.queries.BATCH", 3)

    # The window's two ends, what was earlier, shared budgets; then three batches, each
    # with its money, and the end.
    with django_assert_num_queries(11):
        judged = judged_under(agent, draft_of())

    asked = Transaction.objects.order_by("created_at").values_list("pk", flat=True)
    assert [each.past.transaction for each in judged] == list(asked)


def test_what_another_engine_decided_stands(agent, as_owner):
    from tests.transactions.test_replays import forge

    body = spend(agent, "400.00").body
    spend(agent, "61.00")
    forge(Decision.objects.get(transaction_id=body["id"]), engine_version=99)

    draft = draft_of(daily_budget="460.00")
    summary = simulated_under(agent, draft, days=1, requests_max=10).summary

    assert (summary.unjudged, summary.judged, summary.flipped) == (1, 1, 1)


def test_an_agent_that_never_asked_has_nothing_to_try(agent):
    simulated = simulated_under(agent, draft_of(), days=30, requests_max=10)

    assert simulated.summary.totals == ()
    assert not simulated.is_cut


def test_the_approval_tells_what_always_allowing_the_merchant_had_allowed(
    agent, people, give_policy, client_for
):
    give_policy(agent, allowed_merchants=None, daily_budget="9000.00")
    approval = held(agent, "750.00", merchant="Target")
    give_policy(agent, allowed_merchants=["Amazon"])
    for amount in ("20.00", "30.00"):
        spend(agent, amount, merchant="Target", category="groceries")
    spend(agent, "40.00", merchant="Costco")

    asked = Transaction.objects.select_related("agent__policy_version").get(
        pk=approval.transaction_id
    )
    trial = merchant_trial(asked)

    assert (trial.is_allowed, trial.is_cut) == (False, False)
    assert trial.gained == (2, 50_00)
    assert trial.summary.judged == 3
    assert seen_by(people.bob, approval)
