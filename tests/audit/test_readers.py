"""The one reader of times and whole numbers: RFC 3339, ASCII digits, nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.base.core.readers import parse_instant, parse_whole

AT = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-30T08:15:00Z", AT),
        ("2026-11-30t08:15:00z", AT),
        ("2026-11-30 08:15:00Z", AT),
        ("2026-11-30T08:15:00+00:00", AT),
        ("2026-11-30T08:15:00-00:00", AT),
        ("2026-11-30T13:45:00+05:30", AT),
        ("2026-11-29t22:15:00-10:00", AT),
        ("2026-11-30T08:15:00.25Z", AT.replace(microsecond=250_000)),
        ("2026-11-30T08:15:00.1234569z", AT.replace(microsecond=123_456)),
    ],
)
def test_a_time_is_read_as_rfc_3339_writes_it(text: str, instant: datetime):
    assert parse_instant(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-30",
        "2026-11-30T08:15Z",
        "2026-11-30T08:15:00",
        "20261130T081500Z",
        "2026-W48-1T08:15:00Z",
        "2026-334T08:15:00Z",
        "2026-11-30T08:15:00+0100",
        "2026-11-30T08:15:00+01",
        "2026-11-30T08:15:00,5Z",
        "2026-11-30T08:15:00.Z",
        "2026-11-30T08:15:00+01:60",
        "2026-11-30T08:15:00+24:00",
        "2026-11-30T24:00:00Z",
        "2026-11-30T08:15:60Z",
        "2026-02-29T08:15:00Z",
        "0000-01-01T00:00:00Z",
        " 2026-11-30T08:15:00Z",
        "2026-11-30T08:15:00Z\n",
        "2026-11-30_08:15:00Z",
        "٢٠٢٦-١١-٣٠T٠٨:١٥:٠٠Z",
        "２０２６-11-30T08:15:00Z",
        "1767168000",
    ],
)
def test_any_other_text_is_no_time(text: str):
    assert parse_instant(text) is None


def test_a_reader_with_a_zone_needs_neither_zone_nor_seconds():
    assert parse_instant("2026-11-30T08:15", zone=UTC) == AT
    assert parse_instant("2026-11-30 08:15:00", zone=UTC) == AT
    assert parse_instant("2026-11-30T10:15+02:00", zone=UTC) == AT
    assert parse_instant("2026-11-30", zone=UTC) is None
    assert parse_instant("2026-11-30T٠٨:15", zone=UTC) is None


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from("Tt "),
)
def test_what_python_writes_of_any_time_is_read_as_that_time(at, minutes, separator):
    zone = timezone(timedelta(minutes=minutes))
    try:
        local = at.astimezone(zone)
    except OverflowError:
        return

    assert parse_instant(local.isoformat(separator)) == at


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("007", 7), ("9" * 40, 10**40 - 1)]
)
def test_a_whole_number_is_ascii_digits(text: str, number: int):
    assert parse_whole(text) == number


@pytest.mark.parametrize(
    "text", ["", "+1", "-1", " 1", "1 ", "1_0", "1.0", "1e3", "٧", "７", "²", "9" * 41]
)
def test_any_other_text_is_no_number(text: str):
    assert parse_whole(text) is None
