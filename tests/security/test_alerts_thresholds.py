"""The figures of the specification, as pure rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.alerts.core.thresholds import (
    ALERT_THRESHOLDS,
    STEP,
    hours_of,
    is_reached,
    steps_after,
    triggers,
)

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_thresholds_are_the_seeds():
    assert ALERT_THRESHOLDS == {
        "failed_logins": 5,
        "high_risk_transactions": 3,
        "api_errors": 10,
        "function_call_failures": 5,
    }


@pytest.mark.parametrize("metric", ALERT_THRESHOLDS)
def test_m1_an_alert_is_due_at_the_threshold_and_not_one_below(metric):
    threshold = ALERT_THRESHOLDS[metric]

    assert is_reached(metric, threshold)
    assert not is_reached(metric, threshold - 1)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({"risk_bp": 8000}, False),  # Exactly 0.80 is not above 0.8.
        ({"risk_bp": 8001}, True),
        ({"error_count": 10}, False),
        ({"error_count": 11}, True),
        ({"unauthorized_attempts": 5}, False),
        ({"unauthorized_attempts": 6}, True),
        ({"risk_bp": 8000, "error_count": 10, "unauthorized_attempts": 5}, False),
        ({}, False),
    ],
)
def test_m4_an_incident_is_above_its_limit(seen, expected):
    assert bool(triggers(**seen)) is expected


@given(st.integers(0, 10_000), st.integers(0, 50), st.integers(0, 50))
def test_more_trouble_never_means_fewer_triggers(risk_bp, errors, attempts):
    less = triggers(risk_bp=risk_bp, error_count=errors, unauthorized_attempts=attempts)
    more = triggers(
        risk_bp=risk_bp + 1, error_count=errors + 1, unauthorized_attempts=attempts + 1
    )

    assert set(less) <= set(more)


def test_hours_are_those_of_the_times_in_order_and_once():
    times = [NOON, NOON + timedelta(minutes=59), NOON - timedelta(microseconds=1)]

    assert hours_of(times, now=NOON) == [NOON - HOUR, NOON]
    assert hours_of([], now=NOON) == []


def test_no_hour_is_checked_that_was_over_72_hours_ago():
    over = NOON - 73 * HOUR
    times = [over, over + HOUR - timedelta(microseconds=1), over + HOUR]

    assert hours_of(times, now=NOON) == [over + HOUR]
    assert hours_of(times, now=NOON - timedelta(microseconds=1)) == [over, over + HOUR]


def test_a_new_event_may_tell_in_the_hours_that_end_within_an_hour_after_it():
    near = [NOON + n * 10 * timedelta(minutes=1) for n in range(8)]

    assert steps_after([NOON], near) == near[:6]
    assert steps_after([NOON], [NOON + HOUR - STEP]) == [NOON + HOUR - STEP]
    assert steps_after([NOON], [NOON + HOUR]) == []
    assert steps_after([], near) == []


@given(st.sets(st.integers(0, 500)), st.sets(st.integers(0, 500)))
def test_a_step_is_taken_exactly_if_the_hour_up_to_its_end_has_a_new_one(new, old):
    new_steps = [NOON + n * STEP for n in sorted(new)]
    near = [NOON + n * STEP for n in sorted(new | old)]

    assert steps_after(new_steps, near) == [
        start
        for start in near
        if any(start + STEP - HOUR <= step < start + STEP for step in new_steps)
    ]
