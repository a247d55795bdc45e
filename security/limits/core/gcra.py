"""The generic cell rate algorithm: a token bucket in one number, in whole microseconds.

security/limiter.lua is the same rule for a bucket that processes share; a test holds
the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

from security.limits.core.config import Limit

MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a bucket says to one request.

    `full_at_us` is the bucket's whole state: when it will be full again. A refusal
    spends nothing. `next_us` is how long until it holds one more.
    """

    allowed: bool
    full_at_us: int
    remaining: int
    next_us: int


def interval_us(limit: Limit) -> int:
    """Return the time in which one request is earned, rounded against the caller."""
    return -(-MINUTE_US // limit.requests_per_minute)


def judge(limit: Limit, *, full_at_us: int, now_us: int) -> Verdict:
    """Return whether a request may pass at `now_us`, and the bucket after it.

    `full_at_us` is 0 for a new bucket. In any minute at most requests_per_minute +
    burst_size pass, at one instant at most burst_size. A bucket that seems emptier than
    empty (the clock stepped back, the limit was lowered) counts as just emptied.
    """
    interval = interval_us(limit)
    full_at_us = min(full_at_us, now_us + limit.burst_size * interval)
    spent_until = max(full_at_us, now_us) + interval
    room = now_us + limit.burst_size * interval - spent_until
    if room < 0:
        return Verdict(allowed=False, full_at_us=full_at_us, remaining=0, next_us=-room)
    return Verdict(
        allowed=True,
        full_at_us=spent_until,
        remaining=room // interval,
        next_us=(spent_until - now_us - 1) % interval + 1,
    )
