"""Rolling counters: what an hour back from now holds, at constant cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transactions.core import strategies as any_
from tests.transactions.core.cases import NOW
from transactions.core.activity import (
    HOUR,
    Activity,
    advance,
    count_request,
    no_activity,
    requests_in_last_hour,
)
from transactions.core.outcome import Outcome

START = NOW.replace(minute=0)
HOURS = Activity(
    hour_start=START,
    last_request_at=NOW,
    requests_this_hour=4,
    requests_previous_hour=10,
)


@pytest.mark.parametrize(
    ("after_start", "count"),
    [
        (timedelta(0), 14),
        (timedelta(minutes=6), 13),
        (timedelta(minutes=30), 9),
        (timedelta(minutes=54), 5),
        (timedelta(minutes=59, seconds=59), 5),
        (timedelta(minutes=59, seconds=59, microseconds=999_999), 5),
        (timedelta(minutes=60), 4),
        (timedelta(minutes=90), 2),
        (timedelta(minutes=120), 0),
        (timedelta(days=300), 0),
    ],
)
def test_the_previous_hour_counts_by_the_share_still_in_the_window(after_start, count):
    assert requests_in_last_hour(HOURS, START + after_start) == count


@pytest.mark.parametrize("back", [timedelta(seconds=1), timedelta(hours=3)])
def test_j12_a_clock_that_went_back_forgets_nothing(back):
    assert requests_in_last_hour(HOURS, START - back) == 14
    assert advance(HOURS, START - back) == HOURS
    counted = count_request(
        HOURS, amount_minor=1, outcome=Outcome.DENY, now=START - back
    )
    assert (counted.hour_start, counted.requests_this_hour) == (START, 5)
    assert counted.last_request_at == NOW


@given(any_.activities, any_.instants)
def test_the_estimate_lies_between_the_two_counts(activity, now):
    current = advance(activity, now)

    assert (
        current.requests_this_hour
        <= requests_in_last_hour(activity, now)
        <= current.requests_this_hour + current.requests_previous_hour
    )


@given(any_.activities, any_.instants, st.integers(0, 10_000_000_000))
def test_without_requests_the_estimate_never_grows(activity, now, microseconds):
    later = now + timedelta(microseconds=microseconds)

    assert requests_in_last_hour(activity, later) <= requests_in_last_hour(
        activity, now
    )


@given(any_.activities, any_.instants, st.sampled_from(Outcome))
def test_a_request_counts_once_whatever_its_outcome(activity, now, outcome):
    counted = count_request(activity, amount_minor=5, outcome=outcome, now=now)

    assert (
        requests_in_last_hour(counted, now) == requests_in_last_hour(activity, now) + 1
    )
    assert (
        sum(counted.requests_by_hour_of_day)
        == sum(activity.requests_by_hour_of_day) + 1
    )


@given(st.lists(st.integers(0, 7_000), max_size=60))
def test_the_estimate_is_off_by_no_more_than_the_previous_hours_count(gaps_s):
    """Against the truth: all requests with their instants."""
    now, asked = START, []
    activity = no_activity(now)
    for gap_s in gaps_s:
        now += timedelta(seconds=gap_s)
        activity = count_request(
            activity, amount_minor=1, outcome=Outcome.DENY, now=now
        )
        asked.append(now)

    exact = sum(now - HOUR < at <= now for at in asked)
    previous = advance(activity, now).requests_previous_hour
    assert abs(requests_in_last_hour(activity, now) - exact) <= previous


@given(st.lists(st.integers(0, 7_000), max_size=60))
def test_one_clock_hour_is_counted_exactly(gaps_s):
    now, hours = START, {}
    activity = no_activity(now)
    for gap_s in gaps_s:
        now += timedelta(seconds=gap_s)
        activity = count_request(
            activity, amount_minor=1, outcome=Outcome.DENY, now=now
        )
        hour = now.replace(minute=0, second=0)
        hours[hour] = hours.get(hour, 0) + 1

    current = advance(activity, now)
    assert current.requests_this_hour == hours.get(current.hour_start, 0)
    assert current.requests_previous_hour == hours.get(current.hour_start - HOUR, 0)


def test_only_an_allow_is_spending_and_only_a_hold_waits():
    start = no_activity(NOW)

    allowed, held, denied = (
        count_request(start, amount_minor=7, outcome=outcome, now=NOW)
        for outcome in (Outcome.ALLOW, Outcome.HOLD, Outcome.DENY)
    )

    assert allowed == replace(
        denied, allowed_count=1, allowed_sum_minor=7, allowed_sum_of_squares=49
    )
    assert held == replace(denied, waiting_approvals=1)
    assert denied.requests_by_hour_of_day[15] == 1
    assert denied.requests_this_hour == 1
