"""Lock-outs: a name that failed too often from an address has to wait there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.contrib.auth.signals import user_login_failed
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.errors import AccountLocked
from accounts.models import User
from audit.base.context import Principal
from audit.services.recording import record
from security.step_up import takes_proof

# Marks a failure of the second factor among the credentials of Django's signal.
SECOND_FACTOR = "second_factor"


def refuse_locked_out(request: HttpRequest, username: str) -> None:
    """Raise AccountLocked if this name has failed too often from this address."""
    credentials = {"username": username}
    if not AxesProxyHandler.is_allowed(request, credentials):
        raise AccountLocked(retry_after_s=locked_for_s(request, credentials))


def locked_for_s(request: HttpRequest, credentials: Mapping[str, str]) -> int:
    """Whole seconds until the newest failure has cooled off, at least one."""
    handler = AxesProxyHandler.get_implementation()
    newest = max(
        (
            attempt.attempt_time
            for attempts in handler.get_user_attempts(request, credentials)
            for attempt in attempts
        ),
        default=timezone.now(),
    )
    remaining: timedelta = newest + get_cool_off(request) - timezone.now()
    return max(1, math.ceil(remaining / timedelta(seconds=1)))


def count_second_factor_failure(request: HttpRequest, user: User) -> None:
    """Count a wrong code like a wrong password, and record it.

    Raises AccountLocked when it was one too many.
    """
    credentials = {"username": user.username, SECOND_FACTOR: "wrong"}
    user_login_failed.send(sender=__name__, credentials=credentials, request=request)
    if getattr(request, "axes_locked_out", False):
        raise AccountLocked(retry_after_s=locked_for_s(request, credentials))


@takes_proof
def release_lock_out(*, username: str, address: str | None, acting: Principal) -> int:
    """Forget the failures of a name from an address; return how many rows went."""
    with transaction.atomic(durable=True):
        failures = AccessAttempt.objects.filter(username=username, ip_address=address)
        count: int = failures.delete()[0]
        record(
            "user.lock_out_released",
            target=("user", "", username),
            details={"address": address or "", "count": count},
            actor=acting,
        )
    return count
