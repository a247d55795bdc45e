"""Where spending counts, and how much of it any rolling period holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policy.core.limits import ROLLING, Limit, Per, Period, Window
from tests.transactions.core.cases import policy
from transactions.budgets.core.pots import SHARED, Pot, fullest, key_of, pot_of, pots_of

NOON = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)
MOST = 100
MINUTE = timedelta(minutes=1)
HOURLY = policy(
    limits=(Limit(period=Period.HOUR, window=Window.ROLLING, amount_minor=MOST),)
)
# After how many seconds an agent does something, and with how much: it asks for it,
# or for more of one of its requests, whichever comes at that place.
steps = st.lists(
    st.tuples(st.integers(0, 3000), st.integers(1, 60), st.none() | st.integers(0, 9)),
    max_size=25,
)


@dataclass(frozen=True)
class Shared:
    """A shared budget, as it is known without a database."""

    id: str
    period: str
    time_zone: str
    limit_minor: int


def pot_at(now: datetime, *, is_past: bool = False) -> Pot:
    where = {"merchant": "amazon", "category": "electronics"}
    [pot] = pots_of(HOURLY, agent_id="agt_1", now=now, is_past=is_past, **where)
    return pot


def used(pot: Pot, spent: dict[datetime, int]) -> int:
    """Return what a pot holds of amounts by the minutes in which they count."""
    return fullest(
        pot,
        [
            (at, amount)
            for at, amount in spent.items()
            if pot.since <= at and (pot.until is None or at < pot.until)
        ],
    )


@given(steps)
def test_j1_no_hour_ever_holds_more_than_it_may(given_steps):
    now, spent = NOON, dict[datetime, int]()
    asked: list[tuple[datetime, int]] = []
    for seconds, amount, which in given_steps:
        now += timedelta(seconds=seconds)
        is_more = which is not None and which < len(asked)
        at = asked[which][0] if is_more else now
        pot = pot_at(at, is_past=is_more)
        if used(pot, spent) + amount > MOST:
            continue
        asked.append((at, amount))
        spent[pot.starts_at] = spent.get(pot.starts_at, 0) + amount

    for end, _ in asked:
        hour = [
            amount for at, amount in asked if timedelta(0) <= end - at <= 60 * MINUTE
        ]
        assert sum(hour) <= MOST


@given(
    st.dictionaries(
        st.integers(-60, 60).map(lambda n: NOON + n * MINUTE), st.integers(0, 99)
    )
)
def test_the_fullest_period_is_the_fullest_of_all_that_contain_the_step(spent):
    pot = pot_at(NOON + MINUTE / 2, is_past=True)

    reach = ROLLING[Period.HOUR].reach
    ends = [NOON + n * MINUTE for n in range(61)]
    assert (pot.since, pot.until) == (NOON - reach, NOON + reach + MINUTE)
    assert used(pot, spent) == max(
        sum(amount for at, amount in spent.items() if end - reach <= at <= end)
        for end in ends
    )


def pots(*limits: Limit, **where: Any) -> tuple[Pot, ...]:
    given: dict[str, Any] = {"merchant": "amazon", "category": "travel", "now": NOON}
    rules = policy(limits=limits, time_zone="Europe/Berlin")
    return pots_of(rules, agent_id="agt_1", **given | where)


def test_a_calendar_limit_counts_from_midnight_to_midnight_of_its_zone():
    limit = Limit(period=Period.DAY, amount_minor=MOST, count=3)

    assert pots(limit) == (
        Pot(
            holder="agt_1",
            scope="agent",
            window="calendar_day",
            since=datetime(2025, 3, 3, 23, 0, tzinfo=UTC),
            starts_at=datetime(2025, 3, 3, 23, 0, tzinfo=UTC),
            ends_at=datetime(2025, 3, 4, 23, 0, tzinfo=UTC),
            until=datetime(2025, 3, 4, 23, 0, tzinfo=UTC),
            limit_minor=MOST,
            limit_count=3,
        ),
    )


def test_a_rolling_limit_counts_in_steps():
    limit = Limit(period=Period.DAY, window=Window.ROLLING, count=3)
    step = Pot(
        holder="agt_1",
        scope="agent",
        window="rolling_day",
        since=NOON - timedelta(days=1),
        starts_at=NOON,
        ends_at=NOON + timedelta(hours=1),
        until=None,
        limit_minor=None,
        limit_count=3,
    )

    assert pots(limit) == (step,)
    last_end = NOON + timedelta(days=1, hours=1)
    assert pots(limit, is_past=True) == (replace(step, until=last_end),)


def test_a_limit_of_a_calendar_period_has_one_end_for_past_requests_too():
    limit = Limit(period=Period.HOUR, amount_minor=MOST)

    assert pots(limit, is_past=True) == pots(limit)
    assert not pots(limit, is_past=True)[0].is_many


def test_a_shared_budget_counts_in_the_calendar_of_its_own_zone():
    midnight = datetime(2025, 2, 28, 15, 0, tzinfo=UTC)
    march = Shared("bud_1", "month", "Asia/Tokyo", MOST)

    assert pot_of(march, NOON) == Pot(
        holder="bud_1",
        scope=SHARED,
        window="calendar_month",
        since=midnight,
        starts_at=midnight,
        ends_at=datetime(2025, 3, 31, 15, 0, tzinfo=UTC),
        until=datetime(2025, 3, 31, 15, 0, tzinfo=UTC),
        limit_minor=MOST,
        limit_count=None,
    )
    assert pot_of(march, NOON).is_shared
    assert not pots(Limit(period=Period.DAY, count=1))[0].is_shared


@pytest.mark.parametrize(
    ("one", "each", "expected"),
    [
        ((100, 5), (200, 3), (100, 3)),
        ((200, 3), (100, 5), (100, 3)),
        ((100, None), (None, 5), (100, 5)),
        ((None, 5), (100, None), (100, 5)),
        ((100, None), (200, None), (100, None)),
        ((0, 5), (None, 0), (0, 0)),
    ],
)
def test_limits_that_count_the_same_share_a_pot_that_holds_what_the_stricter_lets_it(
    one, each, expected
):
    month: dict[str, Any] = {"period": Period.MONTH, "per": Per.MERCHANT}
    [pot] = pots(
        Limit(**month, name="Amazon", amount_minor=one[0], count=one[1]),
        Limit(**month, amount_minor=each[0], count=each[1]),
    )

    assert pot.key == ("merchant:amazon", "calendar_month")
    assert (pot.limit_minor, pot.limit_count) == expected
    assert (pot.holder, pot.starts_at) == (
        "agt_1",
        datetime(2025, 2, 28, 23, 0, tzinfo=UTC),
    )


def test_only_limits_that_are_about_a_request_have_a_pot_for_it():
    day: dict[str, Any] = {"period": Period.DAY, "count": 1}
    found = pots(
        Limit(**day, per=Per.MERCHANT, name="Walmart"),
        Limit(**day, per=Per.MERCHANT),
        Limit(**day, per=Per.CATEGORY, name="travel"),
        Limit(**day, per=Per.CATEGORY, name="books"),
        Limit(**day),
    )

    assert [pot.key for pot in found] == [
        ("merchant:amazon", "calendar_day"),
        ("category:travel", "calendar_day"),
        ("agent", "calendar_day"),
    ]
    assert pots_of(None, agent_id="a", merchant="m", category="c", now=NOON) == ()


def test_a_limit_counts_where_its_pot_does():
    limit = Limit(period=Period.DAY, per=Per.CATEGORY, count=1)
    where = {"merchant": "amazon", "category": "travel"}

    [pot] = pots(limit)

    assert key_of(limit, **where) == ("category:travel", "calendar_day") == pot.key


def test_what_came_after_a_request_counts_if_the_clock_went_back():
    """A rolling period has no end while its agent asks: no later one is opened."""
    pot = pot_at(NOON)

    assert pot.until is None
    assert used(pot, {NOON - 61 * MINUTE: 9, NOON + timedelta(days=9): 5}) == 5
