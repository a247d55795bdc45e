"""Rolling counters: what an hour back from now holds, at constant cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transactions.core import strategies as any_
from tests.transactions.core.cases import NOW, asked_before
from transactions.decisions.core.activity import (
    HOUR,
    MINUTES_KEPT,
    RecentRequest,
    advance,
    count_increment,
    count_request,
    just_below_in_last_hour,
    no_activity,
    requests_in_last_hour,
    without,
)
from transactions.decisions.core.outcome import Outcome

START = NOW.replace(minute=0)
gaps = st.lists(
    st.integers(0, 7_000_000_000) | st.integers(0, 90_000_000), max_size=60
).map(lambda microseconds: [timedelta(microseconds=each) for each in microseconds])


def count(activity, now, *, times=1, outcome=Outcome.DENY, **values):
    for _ in range(times):
        activity = count_request(
            activity, amount_minor=7, outcome=outcome, now=now, **values
        )
    return activity


@pytest.mark.parametrize(
    ("later", "counted"),
    [
        (timedelta(0), 4),
        (timedelta(minutes=59, seconds=59), 4),
        (timedelta(minutes=60), 4),
        (timedelta(minutes=60, seconds=59, microseconds=999_999), 4),
        (timedelta(minutes=61), 0),
        (timedelta(days=300), 0),
    ],
)
def test_a_request_counts_until_the_minute_it_was_made_in_is_an_hour_old(
    later, counted
):
    activity = count(no_activity(START), START, times=4)

    assert requests_in_last_hour(activity, START + later) == counted


def test_a_limit_cannot_be_passed_around_the_turn_of_an_hour():
    """20 at 10:59 and then no other for an hour, whatever the clock's hour says."""
    before_the_turn = START - timedelta(minutes=1)
    activity = count(no_activity(before_the_turn), before_the_turn, times=20)

    for minutes in range(60):
        now = before_the_turn + timedelta(minutes=minutes)
        assert requests_in_last_hour(activity, now) == 20


@pytest.mark.parametrize("back", [timedelta(seconds=1), timedelta(hours=3)])
def test_j12_a_clock_that_went_back_forgets_nothing(back):
    activity = count(no_activity(NOW), NOW, times=14)

    assert requests_in_last_hour(activity, NOW - back) == 14
    assert advance(activity, NOW - back) == activity
    counted = count(activity, NOW - back)
    assert (counted.minute, counted.requests_by_minute[-1]) == (NOW, 15)
    assert counted.last_request_at == NOW


@given(gaps, st.integers(0, 4_000_000_000))
def test_the_count_is_never_below_the_truth_nor_above_it_by_more_than_one_minute(
    gaps, then
):
    """Against the truth: all requests with their instants."""
    now, asked = START, []
    activity = no_activity(now)
    for gap in gaps:
        now += gap
        activity = count(activity, now, outcome=Outcome.ALLOW, is_just_below=True)
        asked.append(now)
    now += timedelta(microseconds=then)

    edge = (now - HOUR).replace(second=0, microsecond=0)
    exact = sum(now - HOUR < at <= now for at in asked)
    with_the_edge_minute = sum(edge <= at <= now for at in asked)
    counted = requests_in_last_hour(activity, now)
    assert exact <= counted == with_the_edge_minute
    assert just_below_in_last_hour(activity, now) == 7 * counted


@given(any_.activities, any_.instants, st.integers(0, 10_000_000_000))
def test_without_requests_the_count_never_grows(activity, now, microseconds):
    later = now + timedelta(microseconds=microseconds)

    assert requests_in_last_hour(activity, later) <= requests_in_last_hour(
        activity, now
    )


@given(any_.activities, any_.instants, st.sampled_from(Outcome))
def test_a_request_counts_once_whatever_its_outcome(activity, now, outcome):
    counted = count(activity, now, outcome=outcome)

    assert (
        requests_in_last_hour(counted, now) == requests_in_last_hour(activity, now) + 1
    )
    assert (
        sum(counted.requests_by_hour_of_day)
        == sum(activity.requests_by_hour_of_day) + 1
    )
    assert len(counted.requests_by_minute) == MINUTES_KEPT
    assert len(counted.just_below_by_minute) == MINUTES_KEPT


def test_only_an_allow_is_spending_and_only_a_hold_waits():
    start = no_activity(NOW)

    allowed, held, denied = (
        count(start, NOW, outcome=outcome, is_just_below=True)
        for outcome in (Outcome.ALLOW, Outcome.HOLD, Outcome.DENY)
    )

    assert allowed == replace(
        denied,
        allowed_count=1,
        allowed_sum_minor=7,
        allowed_sum_of_squares=49,
        just_below_by_minute=asked_before(just_below=7).just_below_by_minute,
    )
    assert held == replace(denied, waiting_approvals=1)
    assert denied.requests_by_hour_of_day[15] == 1
    assert denied.requests_by_minute == asked_before(1).requests_by_minute


ONE = RecentRequest(7, "USD", "one of its own", NOW)
waits = st.integers(0, 90).map(lambda minutes: timedelta(minutes=minutes))


@given(any_.activities, any_.instants, waits)
def test_what_is_left_out_of_the_counters_is_the_request_itself(activity, now, wait):
    """Wherever its minute is by now, and among whichever requests."""
    counted = count(activity, now, outcome=Outcome.ALLOW, is_just_below=True)
    minute = counted.minute
    counted = advance(replace(counted, recent=(*activity.recent, ONE)), now + wait)

    left = without(counted, ONE, counted_minor=7, minute=minute)

    assert left.recent == activity.recent
    expected = advance(advance(activity, now), now + wait)
    assert left.just_below_by_minute == expected.just_below_by_minute
    assert left.requests_by_minute == counted.requests_by_minute


def test_what_is_not_among_the_counters_is_not_left_out():
    activity = asked_before(2, just_below=9)

    assert without(activity, ONE, counted_minor=7, minute=None) == activity


@given(any_.activities, any_.instants, waits, st.booleans())
def test_a_raised_request_counts_as_if_its_total_were_asked_for_now(
    activity, now, wait, is_just_below
):
    before = count(activity, now, outcome=Outcome.ALLOW, is_just_below=True)

    raised = count_increment(
        before,
        before_minor=7,
        total_minor=12,
        now=now + wait,
        is_just_below=is_just_below,
        minute=before.minute,
    )

    alone = advance(advance(activity, now), now + wait).just_below_by_minute
    more = 12 if is_just_below else 0
    assert raised.just_below_by_minute == (*alone[:-1], alone[-1] + more)
    assert raised.allowed_count == before.allowed_count
    assert raised.allowed_sum_minor == activity.allowed_sum_minor + 12
    assert raised.allowed_sum_of_squares == activity.allowed_sum_of_squares + 144
