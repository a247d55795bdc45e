"""Where spending counts, and how much of it any rolling period holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agents.core.limits import ROLLING, Limit, Period, Window
from tests.transactions.core.cases import policy
from transactions.core.limits import Pot, fullest, pots_of

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


def test_what_came_after_a_request_counts_if_the_clock_went_back():
    """A rolling period has no end while its agent asks: no later one is opened."""
    pot = pot_at(NOON)

    assert pot.until is None
    assert used(pot, {NOON - 61 * MINUTE: 9, NOON + timedelta(days=9): 5}) == 5
