"""What about sign-ins is forgotten, and when."""

from __future__ import annotations

from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session as Cookie
from django.db.models import Q

from accounts.models import Session
from audit.purging import purge

SIGN_INS_LAST = timedelta(days=30)
# What lies further ahead is of a clock that was wrong, and would count for as long.
AHEAD = timedelta(minutes=1)


def purge_sign_ins(*, now: datetime) -> int:
    """Forget sign-ins that ended more than 30 days ago, and expired cookies' data.

    Returns how many. The log tells of them for as long as it is kept.
    """
    old = now - SIGN_INS_LAST
    ended = Q(ended_at__lt=old) | Q(idles_at__lt=old) | Q(expires_at__lt=old)
    cookies = Cookie.objects.filter(expire_date__lt=now)
    return purge(Session.objects.filter(ended)) + purge(cookies)


def purge_failed_sign_ins(*, now: datetime) -> int:
    """Forget failures that no longer lock anybody out; returns how many."""
    counting = (now - settings.AXES_COOLOFF_TIME, now + AHEAD)
    return purge(AccessAttempt.objects.exclude(attempt_time__range=counting))
