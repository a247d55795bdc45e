"""Which time a limit's period spans, in any zone, and where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policy.core.limits import Period, Window, span_of

ZONES = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia"]
instants = st.integers(0, 20 * 365 * 86_400).map(
    lambda seconds: datetime(2015, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
calendar_periods = st.sampled_from([Period.HOUR, Period.DAY, Period.WEEK, Period.MONTH])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("period", "zone", "now", "start", "end"),
    [
        ("day", "UTC", "2025-03-04T15:30Z", "2025-03-04T00:00Z", "2025-03-05T00:00Z"),
        # Clocks go forward on 30 March: a day of 23 hours.
        (
            "day",
            "Europe/Berlin",
            "2025-03-30T12:00Z",
            "2025-03-29T23:00Z",
            "2025-03-30T22:00Z",
        ),
        # And back on 26 October: one of 25.
        (
            "day",
            "Europe/Berlin",
            "2025-10-26T22:59Z",
            "2025-10-25T22:00Z",
            "2025-10-26T23:00Z",
        ),
        # In 2018 midnight of 4 November did not exist in Brazil.
        (
            "day",
            "America/Sao_Paulo",
            "2018-11-04T12:00Z",
            "2018-11-04T03:00Z",
            "2018-11-05T02:00Z",
        ),
        ("week", "UTC", "2025-03-02T23:59Z", "2025-02-24T00:00Z", "2025-03-03T00:00Z"),
        ("month", "UTC", "2024-02-29T10:00Z", "2024-02-01T00:00Z", "2024-03-01T00:00Z"),
        (
            "month",
            "America/New_York",
            "2025-01-01T04:59Z",
            "2024-12-01T05:00Z",
            "2025-01-01T05:00Z",
        ),
        (
            "hour",
            "Asia/Kathmandu",
            "2025-03-04T15:30Z",
            "2025-03-04T15:15Z",
            "2025-03-04T16:15Z",
        ),
        # Clocks go from 2:00 to 2:30: half an hour is left of that hour.
        (
            "hour",
            "Australia/Lord_Howe",
            "2026-10-03T15:45Z",
            "2026-10-03T15:30Z",
            "2026-10-03T16:00Z",
        ),
        # And from 2:00 to 1:30: half an hour comes twice.
        (
            "hour",
            "Australia/Lord_Howe",
            "2026-04-04T15:10Z",
            "2026-04-04T15:00Z",
            "2026-04-04T15:30Z",
        ),
    ],
)
def test_j12_a_calendar_period_follows_the_clocks_of_its_zone(
    period, zone, now, start, end
):
    span = span_of(Period(period), Window.CALENDAR, at(now), zone)

    assert (span.since, span.starts_at, span.ends_at) == (at(start), at(start), at(end))


@given(instants, calendar_periods, st.sampled_from(ZONES))
def test_j12_calendar_periods_meet_without_gap_or_overlap(now, period, zone):
    span = span_of(period, Window.CALENDAR, now, zone)
    before = span_of(
        period, Window.CALENDAR, span.starts_at - timedelta(microseconds=1), zone
    )

    assert span.starts_at <= now < span.ends_at
    assert before.ends_at == span.starts_at
    assert span_of(period, Window.CALENDAR, span.starts_at, zone) == span


ALL_ZONES = sorted(available_timezones())
hours_of_2026 = st.integers(0, 365 * 86_400 - 1).map(
    lambda seconds: at("2026-01-01T00:00Z") + timedelta(seconds=seconds)
)


@given(hours_of_2026, calendar_periods, st.sampled_from(ALL_ZONES))
def test_j12_an_instant_of_any_zone_lies_in_the_one_period_that_it_is_part_of(
    now, period, zone
):
    _lies_in_its_own_period(now, period, zone)


@pytest.mark.parametrize("period", [Period.HOUR, Period.DAY])
def test_j12_periods_meet_where_the_clocks_of_any_zone_change(period):
    """Also where they change by half an hour, as on Lord Howe Island."""
    changes = {zone: _changes_of_2026(zone) for zone in ALL_ZONES}

    assert len(changes["Australia/Lord_Howe"]) == 2
    for zone, days in changes.items():
        for day in days:
            for quarters in range(-8, 24 * 4 + 8):
                _lies_in_its_own_period(
                    day + timedelta(minutes=15 * quarters), period, zone
                )


def _changes_of_2026(zone: str) -> list[datetime]:
    days = [at("2026-01-01T00:00Z") + timedelta(days=n) for n in range(366)]
    offsets = [day.astimezone(ZoneInfo(zone)).utcoffset() for day in days]
    pairs = zip(days, pairwise(offsets), strict=False)
    return [day for day, (before, after) in pairs if before != after]


def _lies_in_its_own_period(now: datetime, period: Period, zone: str) -> None:
    span = span_of(period, Window.CALENDAR, now, zone)
    assert span.ends_at is not None
    last = span.ends_at - timedelta(microseconds=1)
    before = span_of(
        period, Window.CALENDAR, span.starts_at - timedelta(microseconds=1), zone
    )

    assert span.starts_at <= now < span.ends_at
    assert span_of(period, Window.CALENDAR, span.starts_at, zone) == span
    assert span_of(period, Window.CALENDAR, last, zone) == span
    assert before.ends_at == span.starts_at


@given(instants, calendar_periods)
def test_a_rolling_period_reaches_back_at_least_as_far_as_it_says(now, period):
    span = span_of(period, Window.ROLLING, now, "Asia/Kathmandu")
    reach = {
        Period.HOUR: timedelta(hours=1),
        Period.DAY: timedelta(days=1),
        Period.WEEK: timedelta(days=7),
        Period.MONTH: timedelta(days=30),
    }[period]
    assert span.ends_at is not None
    step = span.ends_at - span.starts_at

    assert span.starts_at <= now < span.ends_at
    assert reach <= now - span.since < reach + step
    assert (span.starts_at - span.since) % step == timedelta(0)


def test_all_time_is_one_span():
    spans = {
        span_of(Period.ALL_TIME, Window.CALENDAR, at(f"{year}-05-05T00:00Z"), "UTC")
        for year in (1971, 2025, 2999)
    }

    assert len(spans) == 1
