"""Replaying a past under a draft: true of any past, and of some by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents.policy.core.limits import Limit, Per, Period, Window
from tests.transactions.core.cases import NOW, facts, policy, spending
from transactions.decisions.core.activity import no_activity
from transactions.decisions.core.facts import SharedSpent
from transactions.decisions.core.outcome import Outcome, strictest
from transactions.simulation.core.simulation import (
    EXAMPLES_MAX,
    HoldEnd,
    PastRequest,
    Step,
    Total,
    simulate,
    summarise,
)

ALLOW, HOLD, DENY = Outcome.ALLOW, Outcome.HOLD, Outcome.DENY
POLICY = policy(
    limits=(
        Limit(period=Period.DAY, amount_minor=1500_00),
        Limit(period=Period.HOUR, window=Window.ROLLING, count=9),
    )
)
STRICTER = (
    {"max_transaction_amount_minor": 600_00},
    {"requires_approval_above_minor": 100_00},
    {"max_transactions_per_hour": 3},
    {"allowed_merchants": ("amazon",)},
    {"blocked_categories": ("gambling", "adult", "groceries")},
    {"limits": (*POLICY.limits, Limit(period=Period.WEEK, amount_minor=700_00))},
    {"limits": (*POLICY.limits, Limit(period=Period.DAY, per=Per.MERCHANT, count=1))},
)


def past(number, request, *, after_s=0, outcome=ALLOW, **values):
    """Return a request of an agent that asks for the first time at NOW."""
    at = NOW + timedelta(seconds=after_s)
    known = facts(request, now=at, activity=no_activity(NOW))
    given_: dict[str, Any] = {
        "facts": known,
        "created_at": at,
        "occurred_at": at,
    } | values
    return PastRequest(
        transaction=f"txn_{number}", request=request, outcome=outcome, **given_
    )


@st.composite
def pasts(draw):
    """A past that POLICY made: every outcome is its own."""
    asked, at = [], 0
    for number in range(draw(st.integers(1, 12))):
        at += draw(st.sampled_from([0, 20, 90, 700, 4_000, 50_000]))
        request = spending(
            draw(st.sampled_from([10_00, 60_00, 450_00, 499_99, 700_00, 1000_01])),
            draw(st.sampled_from(["Amazon", "Amazon", "Walmart", "Target"])),
            category=draw(st.sampled_from(["electronics", "electronics", "groceries"])),
        )
        steps: tuple[Step, ...] = ()
        hold_end = None
        if draw(st.booleans()):
            later = NOW + timedelta(seconds=at + draw(st.integers(1, 5_000)))
            is_approved = draw(st.booleans())
            hold_end = HoldEnd(later, is_approved)
            steps = () if is_approved else (Step(later, -request.amount_minor, -1),)
        asked.append(past(number, request, after_s=at, hold_end=hold_end, steps=steps))
    return as_made_by(POLICY, asked)


def as_made_by(rules, asked):
    """Give each request the outcome that a policy has for it, one after the other."""
    made = []
    for each in asked:
        *_, last = simulate([*made, each], rules)
        kept = replace(each, outcome=last.verdict.outcome)
        made.append(kept if kept.outcome is not DENY else replace(kept, steps=()))
    return made


@given(pasts())
def test_what_a_policy_made_it_makes_again(made):
    judged = list(simulate(made, POLICY))

    assert [each.past for each in judged] == made
    assert [each for each in judged if each.is_flip] == []


@given(pasts(), st.sampled_from(STRICTER))
def test_the_first_that_a_stricter_draft_changes_it_makes_stricter(made, terms):
    """Later ones may become looser: what was denied before has spent nothing."""
    judged = simulate(made, replace(POLICY, **terms))

    first = next((each for each in judged if each.is_flip), None)
    if first is not None:
        before, after = first.past.outcome, first.verdict.outcome
        assert strictest((before, after)) is after


@given(pasts(), st.sampled_from(STRICTER))
def test_the_same_past_comes_out_the_same_and_nothing_is_lost(made, terms):
    draft = replace(POLICY, **terms)
    judged = list(simulate(made, draft))

    assert judged == list(simulate(iter(made), draft))
    assert [each.past for each in judged] == made
    summary = summarise(judged)
    assert summary.judged == len(made)
    assert sum(each.amount_minor for each in summary.totals) == sum(
        each.request.amount_minor for each in made
    )
    assert summary.flipped == len([each for each in judged if each.is_flip])


def outcomes(made, draft, **others):
    return [each.verdict.outcome for each in simulate(made, draft, **others)]


def day_of(amount_minor):
    return policy(limits=(Limit(period=Period.DAY, amount_minor=amount_minor),))


def test_a_denial_of_the_draft_leaves_room_that_the_past_had_not():
    made = [past(1, spending(400_00)), past(2, spending(60_00), after_s=90)]
    made[1] = replace(made[1], outcome=DENY)

    draft = policy(
        max_transaction_amount_minor=300_00,
        requires_approval_above_minor=None,
        limits=(Limit(period=Period.DAY, amount_minor=400_00),),
    )
    assert outcomes(made, draft) == [DENY, ALLOW]


def test_the_order_of_time_matters():
    large, small = past(1, spending(400_00)), past(2, spending(100_00, "Walmart"))

    draft = day_of(450_00)
    for order in ((large, small), (small, large)):
        [denied] = [
            each.past for each in simulate(order, draft) if each.verdict.outcome is DENY
        ]
        assert denied is order[1]


def test_a_hold_waits_as_long_as_people_let_it_and_a_new_one_until_its_time_is_up():
    few = replace(past(1, spending(700_00)).thresholds, waiting_approvals_max=1)
    until = NOW + timedelta(seconds=600)
    answered = past(
        1,
        spending(700_00),
        outcome=HOLD,
        thresholds=few,
        hold_end=HoldEnd(until, is_approved=True),
    )
    next_ = past(2, spending(800_00), after_s=300, outcome=HOLD, thresholds=few)
    last = past(3, spending(900_00), after_s=700, outcome=HOLD, thresholds=few)

    draft = policy(max_transaction_amount_minor=5000_00)
    assert outcomes([answered, next_, last], draft) == [HOLD, DENY, HOLD]
    new = replace(answered, outcome=ALLOW, hold_end=None)
    quick = replace(draft, approval_expires_after_minutes=5)
    assert outcomes([new, next_, last], draft) == [HOLD, DENY, DENY]
    assert outcomes([new, next_, last], quick) == [HOLD, HOLD, DENY]


def test_what_people_refused_and_the_draft_allows_stays_spent():
    refused = Step(NOW + timedelta(seconds=60), -700_00, -1)
    hold_end = HoldEnd(refused.at, is_approved=False)
    made = [
        past(1, spending(700_00), outcome=HOLD, hold_end=hold_end, steps=(refused,)),
        past(2, spending(60_00, "Walmart"), after_s=90),
    ]

    assert outcomes(made, day_of(750_00)) == [HOLD, ALLOW]
    looser = replace(day_of(750_00), requires_approval_above_minor=None)
    assert outcomes(made, looser) == [ALLOW, DENY]


def test_what_came_before_counts_and_is_not_judged():
    earlier = replace(past(0, spending(400_00), after_s=-90), facts=None)
    made = [past(1, spending(60_00))]

    assert outcomes(made, day_of(450_00)) == [ALLOW]
    assert outcomes(made, day_of(450_00), earlier=[earlier]) == [DENY]
    given_back = replace(earlier, steps=(Step(NOW, -400_00, -1),))
    assert outcomes(made, day_of(450_00), earlier=[given_back]) == [ALLOW]


class Shared:
    id, period, time_zone, limit_minor = "bud_1", "day", "UTC", 500_00


def test_a_shared_budget_has_what_others_spent_and_the_drafts_own():
    def shared(used_minor):
        return (SharedSpent("bud_1", "Team", 500_00, used_minor),)

    made = [past(1, spending(300_00)), past(2, spending(150_00, "Walmart"), after_s=90)]
    made = [
        replace(each, facts=replace(each.facts, shared=shared(used)))
        for each, used in zip(made, (100_00, 400_00), strict=True)
    ]

    made[1] = replace(made[1], outcome=DENY)
    stricter = policy(max_transaction_amount_minor=299_00)
    stricter = replace(stricter, requires_approval_above_minor=None)
    assert outcomes(made, policy(), shared=[Shared()]) == [ALLOW, DENY]
    assert outcomes(made, stricter, shared=[Shared()]) == [DENY, ALLOW]
    # A budget that is no more is as it was recorded.
    assert outcomes(made, stricter) == [DENY, DENY]


def test_the_summary_counts_and_keeps_the_newest_flips():
    unknown = replace(past(99, spending()), facts=None)
    many = [
        past(n, spending(10_00 + n, "Target"), after_s=n * 7_000) for n in range(30)
    ]

    summary = summarise(simulate([unknown, *many], policy()))

    assert summary.totals == (
        Total(ALLOW, DENY, "USD", 30, sum(10_00 + n for n in range(30))),
    )
    assert (summary.unjudged, summary.judged, summary.flipped) == (1, 30, 30)
    newest = [f"txn_{n}" for n in range(29, 29 - EXAMPLES_MAX, -1)]
    assert [each.past.transaction for each in summary.examples] == newest
