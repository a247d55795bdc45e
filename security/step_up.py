"""Step-up: dangerous services need a fresh proof of the caller's identity."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from django.utils import timezone

from audit.base.context import Principal
from security.errors import StepUpRequired

STEP_UP_LASTS = timedelta(minutes=5)
# The services that take a fresh proof whatever they are asked, by module and name.
TAKING_PROOF: set[str] = set()

P = ParamSpec("P")
R = TypeVar("R")


def takes_proof(service: Callable[P, R]) -> Callable[P, R]:
    """Let a service begin only with a fresh proof of its `acting`.

    Raises StepUpRequired. For services that give rights, change identity or
    reopen something; stopping, locking and revoking never need it.
    """

    @wraps(service)
    def proved(*args: P.args, **kwargs: P.kwargs) -> R:
        require_step_up(cast("Principal", kwargs["acting"]))
        return service(*args, **kwargs)

    TAKING_PROOF.add(f"{service.__module__}.{service.__name__}")
    return proved


def require_step_up(principal: Principal) -> None:
    """Raise StepUpRequired unless the person proved their identity within 5 minutes.

    The platform itself needs no proof. A time in the future does not count.
    """
    if principal.kind == "system":
        return
    proved_at = principal.authenticated_at
    if proved_at is None or not is_fresh(proved_at):
        raise StepUpRequired


def is_fresh(proved_at: datetime) -> bool:
    """Return whether a proof of that time still counts."""
    return timedelta(0) <= timezone.now() - proved_at <= STEP_UP_LASTS
