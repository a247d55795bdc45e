from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.limits.core import gcra
from security.limits.core.config import (
    DEFAULT_LIMITS,
    Limit,
    LimitsInvalid,
    parse_limits,
)

MINUTE = gcra.MINUTE_US
START = 1_750_000_000_000_000


def count_allowed(limit, times, full_at=0):
    allowed = []
    for now in times:
        verdict = gcra.judge(limit, full_at_us=full_at, now_us=now)
        full_at = verdict.full_at_us
        if verdict.allowed:
            allowed.append(now)
    return allowed


def test_the_default_table_is_the_seed():
    assert dict(parse_limits({})) == {
        "default": Limit(60, 5),
        "auth": Limit(5, 2),
        "high_risk": Limit(10, 2),
    }


def test_a_part_of_the_table_can_be_overridden():
    limits = parse_limits({"auth": {"burst_size": 9}})

    assert limits["auth"] == Limit(requests_per_minute=5, burst_size=9)
    assert limits["default"] == DEFAULT_LIMITS["default"]


@pytest.mark.parametrize(
    "config",
    [
        {"defualt": {}},
        {"default": 60},
        {"default": {"rpm": 60}},
        {"default": {"burst_size": 0}},
        {"default": {"burst_size": True}},
        {"default": {"burst_size": 2.0}},
        {"default": {"burst_size": "5"}},
        {"default": {"requests_per_minute": -1}},
        {"default": {"requests_per_minute": 10**7}},
    ],
)
def test_nonsense_in_the_table_is_refused(config):
    with pytest.raises(LimitsInvalid, match="RATE_LIMIT_CONFIG"):
        parse_limits(config)


@pytest.mark.parametrize(
    ("name", "burst"), [("default", 5), ("auth", 2), ("high_risk", 2)]
)
def test_d1_d2_one_more_than_the_burst_at_the_same_instant_is_refused(name, burst):
    assert len(count_allowed(DEFAULT_LIMITS[name], [START] * 20)) == burst


def test_d1_a_steady_61_a_minute_meets_a_refusal_and_60_does_not():
    limit = DEFAULT_LIMITS["default"]

    fast = [START + index * MINUTE // 61 for index in range(61 * 10)]
    exact = [START + index * MINUTE // 60 for index in range(60 * 10)]

    assert len(count_allowed(limit, fast)) == 604
    assert len(count_allowed(limit, exact)) == 600


def test_d3_sixty_before_and_sixty_after_the_full_minute_are_not_120():
    limit = DEFAULT_LIMITS["default"]
    edge = START - START % MINUTE + MINUTE

    allowed = count_allowed(limit, [edge - 1_000_000] * 60 + [edge] * 60)

    assert len(allowed) == 6


def test_a_clock_that_steps_back_costs_one_interval_and_not_hours():
    limit = DEFAULT_LIMITS["default"]
    hour = 60 * MINUTE

    verdict = gcra.judge(limit, full_at_us=START + 2 * hour, now_us=START)

    assert not verdict.allowed
    assert verdict.next_us == 1_000_000
    assert gcra.judge(
        limit, full_at_us=verdict.full_at_us, now_us=START + 1_000_000
    ).allowed


def test_two_requests_at_once_and_one_too_many_are_answered_exactly():
    auth = DEFAULT_LIMITS["auth"]  # Five a minute: one each 12 seconds.

    first = gcra.judge(auth, full_at_us=0, now_us=START)
    second = gcra.judge(auth, full_at_us=first.full_at_us, now_us=START)
    third = gcra.judge(auth, full_at_us=second.full_at_us, now_us=START + 1)

    assert first == gcra.Verdict(
        allowed=True, full_at_us=START + 12_000_000, remaining=1, next_us=12_000_000
    )
    assert second == gcra.Verdict(
        allowed=True, full_at_us=START + 24_000_000, remaining=0, next_us=12_000_000
    )
    assert third == gcra.Verdict(
        allowed=False, full_at_us=START + 24_000_000, remaining=0, next_us=11_999_999
    )


limits = st.builds(Limit, st.integers(1, 10_000), st.integers(1, 50))
gaps = st.lists(st.integers(0, 2 * MINUTE // 10), max_size=200)


@given(limits, gaps)
def test_no_minute_ever_lets_more_through_than_rate_and_burst(limit, steps):
    now, times = START, []
    for step in steps:
        now += step
        times.append(now)

    allowed = count_allowed(limit, times)

    assert allowed[:1] == times[:1]
    for first in allowed:
        within = [time for time in allowed if first <= time < first + MINUTE]
        assert len(within) <= limit.requests_per_minute + limit.burst_size


@given(limits, st.integers(0, 2**50), st.integers(1, 2**50))
def test_a_refusal_spends_nothing_and_names_the_time_from_which_it_passes(
    limit, full_at, now
):
    verdict = gcra.judge(limit, full_at_us=full_at, now_us=now)

    if not verdict.allowed:
        assert verdict.full_at_us <= full_at
        assert verdict.remaining == 0
        state, later = verdict.full_at_us, now + verdict.next_us
        assert gcra.judge(limit, full_at_us=state, now_us=later).allowed
        assert not gcra.judge(limit, full_at_us=state, now_us=later - 1).allowed


@given(limits, gaps)
def test_remaining_is_how_many_more_pass_right_now(limit, steps):
    full_at, now = 0, START
    for step in steps[:20]:
        now += step
        full_at = gcra.judge(limit, full_at_us=full_at, now_us=now).full_at_us

    verdict = gcra.judge(limit, full_at_us=full_at, now_us=now)
    if verdict.allowed:
        more, state = 0, verdict
        while (
            state := gcra.judge(limit, full_at_us=state.full_at_us, now_us=now)
        ).allowed:
            more += 1
        assert more == verdict.remaining


@given(limits, gaps)
def test_the_bucket_holds_one_more_from_the_time_it_names_and_not_before(limit, steps):
    def passing(full_at, now):
        return len(count_allowed(limit, [now] * (limit.burst_size + 1), full_at))

    full_at, now = 0, START
    for step in steps[:20]:
        now += step
        verdict = gcra.judge(limit, full_at_us=full_at, now_us=now)
        full_at = verdict.full_at_us

        later = now + verdict.next_us
        assert passing(full_at, later - 1) == verdict.remaining
        assert passing(full_at, later) == verdict.remaining + 1
