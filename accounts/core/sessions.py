"""How long a sign-in lasts: at most so long, and not so long unused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

API, BROWSER = "api", "browser"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """`absolute` counts from the sign-in, `idle` from the last use."""

    absolute: timedelta
    idle: timedelta


# An API session is used when it is refreshed, a browser's by any page.
LIFETIMES: Mapping[str, Lifetime] = MappingProxyType(
    {
        API: Lifetime(absolute=timedelta(days=14), idle=timedelta(days=3)),
        BROWSER: Lifetime(absolute=timedelta(hours=8), idle=timedelta(hours=1)),
    }
)
# A browser's use is written down at most this often.
TOUCH_EVERY = timedelta(minutes=1)
