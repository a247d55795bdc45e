"""The limiter: the callers and buckets that it counts, also without Valkey."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.retry import Retry
from rest_framework.request import Request

from audit.base import context
from audit.base.context import Principal
from audit.services.recording import Outcome, record
from security.errors import LimiterUnavailable, RateLimited
from security.limits.core import gcra
from security.limits.core.config import Limit

logger = logging.getLogger(__name__)

# An owner's agents together may do what four of them could do alone.
OWNER_FACTOR = 4
# All known callers at one address together: many for an office behind one address,
# few for a host that tries the credentials it stole.
ADDRESS_FACTOR = 20
# After a failure Valkey is left alone so long: a server that hangs would otherwise
# hold each request for the whole timeout.
REST_S = 1.0
LOCAL_BUCKETS = 10_000
STATE = "rate_limit_state"
SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """One thing that is counted; `name` is what callers and the log see of it."""

    name: str
    key: str
    limit: Limit


@dataclass(frozen=True, slots=True)
class Count:
    """What a request's buckets said. `first`: their first refusal in a minute."""

    bucket: Bucket
    verdict: gcra.Verdict
    first: bool

    @property
    def next_s(self) -> int:
        return -(-self.verdict.next_us // SECOND_US)

    @property
    def headers(self) -> dict[str, str]:
        """IETF draft-ietf-httpapi-ratelimit-headers, as structured fields."""
        name, limit = self.bucket.name, self.bucket.limit
        return {
            "RateLimit-Policy": f'"{name}";q={limit.requests_per_minute};w=60',
            "RateLimit": f'"{name}";r={self.verdict.remaining};t={self.next_s}',
        }


def check_limits(
    request: HttpRequest | Request,
    rate_class: str,
    *,
    principal: Principal | None = None,
    about: str = "",
) -> None:
    """Count one request, or raise RateLimited, having spent nothing.

    The caller is `principal`, else request.user when authenticated, else an address.
    `about` names what is counted in addition, for any caller, such as an account.
    One call to Valkey. Without it the class "default" is counted in this process;
    every other class raises LimiterUnavailable. The first refusal of a bucket in a
    minute is audited, the others are not, so that a flood is not one of the log too.
    """
    caller = principal or _caller(request)
    buckets = buckets_of(caller, context.client_address(request), rate_class)
    if about:
        limit: Limit = settings.RATE_LIMIT_CONFIG[rate_class]
        buckets += (Bucket(rate_class, f"limit:{rate_class}:{about}", limit),)
    count = _count(buckets, rate_class)
    setattr(getattr(request, "_request", request), STATE, count)
    if count.verdict.allowed:
        return
    if count.first:
        with transaction.atomic():
            record(
                "request.limited",
                outcome=Outcome.REFUSED,
                details={"limit": count.bucket.name},
                actor=caller,
            )
    raise RateLimited(retry_after_s=count.next_s)


def count_refusal(request: HttpRequest | Request) -> None:
    """Count a request that was refused before its throttle ran; may raise as above.

    DRF authenticates and checks permissions first: without this, wrong tokens could
    be tried, and refusals written to the log, without end.
    """
    if counted(request) is None:
        check_limits(request, "default", principal=context.current().principal)


def counted(request: HttpRequest | Request) -> Count | None:
    """Return what the limiter said to this request, if it was asked."""
    found: Count | None = getattr(getattr(request, "_request", request), STATE, None)
    return found


def buckets_of(caller: Principal, address: str, rate_class: str) -> tuple[Bucket, ...]:
    """Return the buckets that a request spends, the narrowest first.

    A caller who is known spends a bucket of their own, an agent also its owner's, and
    all who are known at one address (an IPv6 /64) share a wide one. Strangers spend one
    of their address that nobody else does. So a stranger can't spend a known caller's
    bucket, and agents behind one address do not choke each other.
    """
    limit: Limit = settings.RATE_LIMIT_CONFIG[rate_class]
    group = context.address_group(address)
    if caller.kind == "anonymous":
        return (Bucket(rate_class, f"limit:{rate_class}:address:{group}", limit),)

    def bucket(of: str, key: str, factor: int) -> Bucket:
        name = f"{rate_class}-{of}"
        return Bucket(name, f"limit:{rate_class}:{key}", limit.times(factor))

    own_key = f"limit:{rate_class}:{caller.kind}:{caller.principal_id}"
    own = Bucket(rate_class, own_key, limit)
    host = bucket("address", f"known-at:{group}", ADDRESS_FACTOR)
    if caller.kind != "agent":
        return own, host
    return own, bucket("owner", f"owner:{caller.owner_id}", OWNER_FACTOR), host


def _caller(request: HttpRequest | Request) -> Principal:
    user: Any = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return user  # type: ignore[no-any-return]
    return context.Anonymous()


def _count(buckets: Sequence[Bucket], rate_class: str) -> Count:
    if time.monotonic() >= _Outage.until:
        try:
            return _count_shared(buckets)
        except redis.RedisError as error:
            _Outage.until = time.monotonic() + REST_S
            logger.warning("The limiter cannot reach Valkey: %s", error)
    if rate_class != "default":
        raise LimiterUnavailable
    return _local.count(buckets)


class _Outage:
    """Until when this process leaves Valkey alone."""

    until = 0.0


def _count_shared(buckets: Sequence[Bucket]) -> Count:
    arguments: list[int] = []
    for bucket in buckets:
        arguments += gcra.interval_us(bucket.limit), bucket.limit.burst_size
    reply = _script(settings.REDIS_URL, settings.REDIS_TIMEOUT_MS / 1000)(
        keys=[bucket.key for bucket in buckets], args=arguments
    )
    _, first, now_us, *full_at_us = map(int, reply)
    return _tightest(buckets, full_at_us, now_us, first=bool(first))


@functools.lru_cache(maxsize=2)
def _script(url: str, timeout_s: float) -> Script:
    client = redis.Redis.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        # Once, and not on time-outs: a pooled connection may have died with the server.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )
    return client.register_script(Path(__file__).with_suffix(".lua").read_text())


def _tightest(
    buckets: Sequence[Bucket], full_at_us: Sequence[int], now_us: int, *, first: bool
) -> Count:
    """Return the verdict that binds: a refusal, else the one with the least left."""
    counts = [
        Count(
            bucket,
            gcra.judge(bucket.limit, full_at_us=full_at, now_us=now_us),
            first=first,
        )
        for bucket, full_at in zip(buckets, full_at_us, strict=True)
    ]
    return min(counts, key=lambda one: (one.verdict.allowed, one.verdict.remaining))


class LocalBuckets:
    """The same count within this process, for as long as Valkey is away."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._full_at_us: OrderedDict[str, int] = OrderedDict()

    def count(self, buckets: Sequence[Bucket]) -> Count:
        """Count as the Lua script does, by this process' own clock."""
        now_us = time.monotonic_ns() // 1000
        with self._lock:
            full_at_us = [self._full_at_us.get(bucket.key, 0) for bucket in buckets]
            count = _tightest(buckets, full_at_us, now_us, first=False)
            if count.verdict.allowed:
                for bucket, full_at in zip(buckets, full_at_us, strict=True):
                    verdict = gcra.judge(
                        bucket.limit, full_at_us=full_at, now_us=now_us
                    )
                    self._keep(bucket.key, verdict.full_at_us)
                return count
            mark = f"{count.bucket.key}:refused"
            if self._full_at_us.get(mark, 0) > now_us:
                return count
            self._keep(mark, now_us + gcra.MINUTE_US)
            return Count(count.bucket, count.verdict, first=True)

    def _keep(self, key: str, until_us: int) -> None:
        self._full_at_us[key] = until_us
        self._full_at_us.move_to_end(key)
        # The bucket that was not used for longest goes first; it is likely full.
        while len(self._full_at_us) > LOCAL_BUCKETS:
            self._full_at_us.popitem(last=False)


_local = LocalBuckets()
