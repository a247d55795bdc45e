"""Deletes old sign-ins, expired session cookies and old failed sign-ins."""

from __future__ import annotations

from datetime import datetime, timedelta

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session as Cookie
from django.db.models import Q

from accounts.models import Session
from audit.base.core.clocks import CLOCK_TOLERANCE
from audit.base.purging import purge

SIGN_INS_LAST = timedelta(days=30)


def purge_sign_ins(*, now: datetime) -> int:
    """Delete sign-ins that ended more than 30 days ago, and expired cookies' data.

    Returns the number of deleted rows. The audit log keeps the events.
    """
    old = now - SIGN_INS_LAST
    ended = Q(ended_at__lt=old) | Q(idles_at__lt=old) | Q(expires_at__lt=old)
    cookies = Cookie.objects.filter(expire_date__lt=now)
    return purge(Session.objects.filter(ended)) + purge(cookies)


def purge_failed_sign_ins(*, now: datetime) -> int:
    """Delete failures that no longer lock anybody out. Returns how many.

    One further in the future would lock somebody out until that time.
    """
    counting = (now - settings.AXES_COOLOFF_TIME, now + CLOCK_TOLERANCE)
    return purge(AccessAttempt.objects.exclude(attempt_time__range=counting))
