"""When to raise an alert, and when to open an incident. Integers only.

Source: Security Considerations, "Security Monitoring" and "Incident Response".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

# Events of a clock hour; at the threshold, not above it, the alert is raised.
ALERT_THRESHOLDS: Mapping[str, int] = MappingProxyType(
    {
        "failed_logins": 5,
        "high_risk_transactions": 3,
        "api_errors": 10,
        "function_call_failures": 5,
    }
)

# An incident is opened above these, not at them. 8,000 basis points are 0.8, which
# no mean of floats reliably is. Above the lower one a human decides.
RISK_LIMIT_BP = 8_000
RISK_ELEVATED_BP = 6_000
ERROR_LIMIT = 10
UNAUTHORIZED_LIMIT = 5

# Of which a single one calls for a look, at once. Those of the log and of decryption
# are found by the check that runs every 30 s, once per hour however many there are; the
# count of `audit_sealing_late` is in seconds.
ALERTING_EVENTS = frozenset(
    {
        "audit_log_damaged",
        "audit_sealing_late",
        "decryption_failed",
        "refresh_token_replayed",
        "superuser_created",
    }
)
SEALING_LATE = timedelta(minutes=1)

HOUR = timedelta(hours=1)
# A transaction may commit an event a little after the hour that it is stamped with.
GRACE = timedelta(minutes=1)
CATCH_UP_HOURS = 72


@dataclass(frozen=True, slots=True)
class Hour:
    """A clock hour [start, end); once settled, no event can join it any more."""

    start: datetime
    is_settled: bool

    @property
    def end(self) -> datetime:
        return self.start + HOUR


def threshold_of(metric: str) -> int:
    """Return the count from which a metric calls for an alert; KeyError on others."""
    return 1 if metric in ALERTING_EVENTS else ALERT_THRESHOLDS[metric]


def is_reached(metric: str, count: int) -> bool:
    """Tell whether an hour's count calls for an alert; KeyError on other metrics."""
    return count >= threshold_of(metric)


def triggers(
    *, risk_bp: int = 0, error_count: int = 0, unauthorized_attempts: int = 0
) -> tuple[str, ...]:
    """Return which limits one actor exceeded in the last hour: any is an incident.

    `risk_bp` is the highest risk score in basis points: exactly 0.80 is none.
    """
    exceeded = (
        ("risk_score", risk_bp > RISK_LIMIT_BP),
        ("error_count", error_count > ERROR_LIMIT),
        ("unauthorized_attempts", unauthorized_attempts > UNAUTHORIZED_LIMIT),
    )
    return tuple(name for name, is_exceeded in exceeded if is_exceeded)


def hours_to_check(last_settled: datetime | None, *, now: datetime) -> list[Hour]:
    """Return the hours since the last settled one up to the running one, in order.

    After an outage at most 72 past hours are caught up; so are they when nothing was
    ever checked. `last_settled` is the start of an hour, `now` is in UTC.
    """
    running = now.replace(minute=0, second=0, microsecond=0)
    start = running - CATCH_UP_HOURS * HOUR
    if last_settled is not None:
        start = max(start, last_settled + HOUR)
    hours = []
    while start <= running:
        hours.append(Hour(start, is_settled=start + HOUR + GRACE <= now))
        start += HOUR
    return hours
