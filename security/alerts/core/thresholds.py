"""When to raise an alert, and when to open an incident. Integers only.

Source: Security Considerations, "Security Monitoring" and "Incident Response".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
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
# Events of which a single one raises an alert at once. Those of the log, of replayed
# decisions and of decryption are found by the check that runs every 30 s, once per hour
# for any number; the count of `audit_sealing_late` is in seconds.
ALERTING_EVENTS = frozenset(
    {
        "account_provisioned",
        "audit_log_damaged",
        "audit_sealing_late",
        "decision_not_reproduced",
        "decryption_failed",
        "four_eyes_off",
        "late_capture",
        "message_put_aside",
        "refresh_token_replayed",
        "superuser_created",
    }
)


SEALING_LATE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
# The hour before counts as present for so long, should nobody seal.
GRACE = timedelta(minutes=1)
# How far back it is looked, after an outage or the first time.
CATCH_UP = 72 * HOUR
# The hours in which an actor is judged begin and end with a step.
STEP = timedelta(seconds=30)


def spoken_risk(basis_points: int) -> str:
    """Return a risk score as people and machines read it everywhere: 0.1503.

    All four decimals that are stored, never rounded: 0.8001 is above the limit of
    0.8000, and both look it.
    """
    return f"{basis_points // 10_000}.{basis_points % 10_000:04d}"


def threshold_of(metric: str) -> int:
    """Return the count from which a metric calls for an alert; KeyError on others."""
    return 1 if metric in ALERTING_EVENTS else ALERT_THRESHOLDS[metric]


def is_reached(metric: str, count: int) -> bool:
    """Return whether an hour's count calls for an alert; KeyError on other metrics."""
    return count >= threshold_of(metric)


def triggers(
    *, risk_bp: int = 0, error_count: int = 0, unauthorized_attempts: int = 0
) -> tuple[str, ...]:
    """Return which limits one actor exceeded in the last hour: any is an incident.

    `risk_bp` is the highest risk score in basis points: exactly 0.80 is not above.
    """
    exceeded = (
        ("risk_score", risk_bp > RISK_LIMIT_BP),
        ("error_count", error_count > ERROR_LIMIT),
        ("unauthorized_attempts", unauthorized_attempts > UNAUTHORIZED_LIMIT),
    )
    return tuple(name for name, is_exceeded in exceeded if is_exceeded)


def hours_of(times: Iterable[datetime], *, now: datetime) -> list[datetime]:
    """Return the starts of the clock hours that times (UTC) fall in, in order.

    None that was over more than 72 hours ago.
    """
    hours = {time.replace(minute=0, second=0, microsecond=0) for time in times}
    return sorted(hour for hour in hours if hour + HOUR > now - CATCH_UP)


def steps_after(new: Sequence[datetime], near: Iterable[datetime]) -> list[datetime]:
    """Return those of `near` that end an hour with one of `new` in it.

    Both are starts of steps, `new` in order; an hour ends with the end of a step.
    """
    return [
        step
        for step in near
        if bisect_left(new, step + STEP - HOUR) < bisect_left(new, step + STEP)
    ]
