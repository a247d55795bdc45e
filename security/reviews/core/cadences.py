"""When security reviews fall due. Dates are UTC.

Source: Security Considerations, "Regular Security Reviews".
"""

from __future__ import annotations

from datetime import date, timedelta

WEEKLY, MONTHLY, QUARTERLY, ANNUAL = "weekly", "monthly", "quarterly", "annual"
CADENCES = (WEEKLY, MONTHLY, QUARTERLY, ANNUAL)
# Of the weekly review, which is to be automated.
NO_SCAN = "not done: the platform has no scan yet"


def period_start(cadence: str, day: date) -> date:
    """Return the first day of the period that a day lies in; weeks begin on Monday."""
    if cadence == WEEKLY:
        return day - timedelta(days=day.weekday())
    if cadence == MONTHLY:
        return day.replace(day=1)
    if cadence == QUARTERLY:
        return day.replace(month=day.month - (day.month - 1) % 3, day=1)
    if cadence == ANNUAL:
        return day.replace(month=1, day=1)
    raise ValueError(f"{cadence} is not a cadence.")


def due_on(cadence: str, day: date) -> date:
    """Return the day by whose beginning the review of a day's period must be done.

    That is the first day of the next period.
    """
    start = period_start(cadence, day)
    longest = {WEEKLY: 7, MONTHLY: 31, QUARTERLY: 92, ANNUAL: 366}
    return period_start(cadence, start + timedelta(days=longest[cadence]))


def state_of(cadence: str, *, completed_by: str) -> str:
    """Return the state of a review; `completed_by` is "" if nobody completed it."""
    if completed_by:
        return f"completed by {completed_by}"
    return NO_SCAN if cadence == WEEKLY else "not completed"
