"""Step-up: what is dangerous needs a proof of who asks that is fresh."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from audit.context import Principal
from security.errors import StepUpRequired

STEP_UP_LASTS = timedelta(minutes=5)


def require_step_up(principal: Principal) -> None:
    """Raise StepUpRequired unless a person proved who they are in the last 5 minutes.

    The platform itself has nothing to prove. A time that lies ahead is no proof.
    """
    if principal.kind == "system":
        return
    proved_at = principal.authenticated_at
    if proved_at is None or not is_fresh(proved_at):
        raise StepUpRequired


def is_fresh(proved_at: datetime) -> bool:
    """Tell whether a proof of that time still counts."""
    return timedelta(0) <= timezone.now() - proved_at <= STEP_UP_LASTS
