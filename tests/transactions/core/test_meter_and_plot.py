"""Bars of pages: widths and heights that never leave their frame."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from transactions.approvals.core.meter import WHOLE, measure
from transactions.dashboard.core.plot import HEIGHT, WIDTH, stack

MINOR = st.integers(0, 10**15)
COLUMN = st.fixed_dictionaries(
    {name: st.integers(0, 10**6) for name in ("a", "b", "c")}
)


def test_a_meter_shows_what_is_used_and_what_is_asked():
    meter = measure(limit=3000_00, used=600_00, asked=750_00)

    assert (meter.used_share, meter.asked_share, meter.left) == (200, 250, 1650_00)


def test_a_pot_of_nothing_is_full():
    meter = measure(limit=0, used=5, asked=5)

    assert (meter.used_share, meter.asked_share, meter.left) == (WHOLE, 0, 0)


@given(MINOR, MINOR, MINOR)
def test_a_meter_stays_in_its_bar(limit: int, used: int, asked: int):
    meter = measure(limit=limit, used=used, asked=asked)

    assert 0 <= meter.used_share <= meter.used_share + meter.asked_share <= WHOLE
    assert meter.left >= 0


def test_columns_stand_on_the_ground():
    first, second, third = stack([{"allow": 3, "deny": 1}, {"allow": 2}])

    assert (first.name, first.y + first.height) == ("allow", HEIGHT)
    assert (second.name, second.y) == ("deny", 0)
    assert third.height == HEIGHT // 2


def test_nothing_is_plotted_of_nothing():
    assert stack([]) == []
    assert stack([{"allow": 0}, {"allow": 0}]) == []


@given(st.lists(COLUMN, min_size=1, max_size=24))
def test_segments_stay_in_the_frame(columns: list[dict[str, int]]):
    segments = stack(columns)

    assert bool(segments) is any(sum(column.values()) for column in columns)
    for segment in segments:
        assert segment.height > 0
        assert 0 <= segment.y <= segment.y + segment.height <= HEIGHT
        assert 0 <= segment.x <= segment.x + segment.width <= WIDTH
