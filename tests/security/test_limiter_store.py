"""What the limiter keeps, in Valkey and in the process: the same rule in both."""

from __future__ import annotations

import time
import uuid

import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from security.limits import limiter
from security.limits.core import gcra
from security.limits.core.config import Limit
from security.limits.limiter import Bucket


def test_the_local_store_is_bounded():
    local = limiter.LocalBuckets()
    for number in range(limiter.LOCAL_BUCKETS + 50):
        local.count((Bucket("default", f"key:{number}", Limit(60, 5)),))

    assert len(local._full_at_us) == limiter.LOCAL_BUCKETS


@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    bursts=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    rates=st.lists(st.integers(1, 100_000), min_size=3, max_size=3),
    hits=st.integers(1, 12),
)
def test_the_lua_script_and_the_core_agree(settings, bursts, rates, hits):
    run = (
        uuid.uuid4()
    )  # Not hypothesis' own: an example that is run again starts empty.
    buckets = tuple(
        Bucket("default", f"limit:agree:{run}:{number}", Limit(rate, burst))
        for number, (rate, burst) in enumerate(zip(rates, bursts, strict=False))
    )
    arguments = [
        part
        for bucket in buckets
        for part in (gcra.interval_us(bucket.limit), bucket.limit.burst_size)
    ]
    script = limiter._script(settings.REDIS_URL, 60)
    keys = [bucket.key for bucket in buckets]
    client = redis.Redis.from_url(settings.REDIS_URL)
    for _ in range(hits):
        allowed, _first, now, *before = map(int, script(keys=keys, args=arguments))

        verdicts = [
            gcra.judge(bucket.limit, full_at_us=full_at, now_us=now)
            for bucket, full_at in zip(buckets, before, strict=True)
        ]
        assert bool(allowed) == all(verdict.allowed for verdict in verdicts)
        after = [int(value or 0) for value in client.mget(keys)]
        expected = [verdict.full_at_us for verdict in verdicts] if allowed else before
        for value, wanted in zip(after, expected, strict=True):
            has_expired = value == 0 and wanted < now + 5_000_000
            assert value == wanted or has_expired
    client.close()


def test_a_bucket_emptier_than_empty_is_mended_as_in_the_core(settings):
    bucket = Bucket("default", "limit:test:mended", Limit(60, 5))
    client = redis.Redis.from_url(settings.REDIS_URL)
    now_us = time.time_ns() // 1000
    client.set(bucket.key, now_us + 3_600_000_000)

    count = limiter._count_shared([bucket])

    assert not count.verdict.allowed
    assert count.verdict.next_us == 1_000_000
    assert int(client.get(bucket.key) or 0) == count.verdict.full_at_us
    client.close()
