"""The figures of the seed, as pure rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.core.thresholds import (
    ALERT_THRESHOLDS,
    hours_to_check,
    is_reached,
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


def test_the_running_hour_is_checked_and_not_settled():
    hours = hours_to_check(NOON - HOUR, now=NOON + timedelta(minutes=30))

    assert [(hour.start, hour.is_settled) for hour in hours] == [(NOON, False)]


def test_an_hour_is_settled_a_minute_after_its_end():
    early = hours_to_check(NOON - 2 * HOUR, now=NOON + timedelta(seconds=59))
    late = hours_to_check(NOON - 2 * HOUR, now=NOON + timedelta(seconds=60))

    assert [(h.start, h.is_settled) for h in early] == [
        (NOON - HOUR, False),
        (NOON, False),
    ]
    assert [(h.start, h.is_settled) for h in late] == [
        (NOON - HOUR, True),
        (NOON, False),
    ]


def test_o7_after_an_outage_every_missed_hour_is_checked():
    hours = hours_to_check(NOON - 4 * HOUR, now=NOON + timedelta(minutes=5))

    assert [h.start for h in hours] == [
        NOON - 3 * HOUR,
        NOON - 2 * HOUR,
        NOON - HOUR,
        NOON,
    ]


@pytest.mark.parametrize("last", [None, NOON - 1000 * HOUR])
def test_at_most_72_past_hours_are_caught_up(last):
    hours = hours_to_check(last, now=NOON)

    assert len(hours) == 73
    assert hours[0].start == NOON - 72 * HOUR
