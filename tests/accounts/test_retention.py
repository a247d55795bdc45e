"""Sign-ins and failures are forgotten when nobody needs them any more."""

from __future__ import annotations

from datetime import timedelta

from axes.models import AccessAttempt
from django.contrib.sessions.models import Session as Cookie
from django.test import Client
from django.utils import timezone

from accounts.models import Session
from accounts.services.retention import purge_failed_sign_ins, purge_sign_ins
from tests.browsing import sign_in

MOMENT = timedelta(microseconds=1)


def test_sign_ins_are_forgotten_thirty_days_after_their_end(carol):
    now = timezone.now()
    old, later = now - timedelta(days=30), now + timedelta(days=1)

    def ends(*, ended_at=None, idles_at=later, expires_at=later):
        return Session(
            user=carol, ended_at=ended_at, idles_at=idles_at, expires_at=expires_at
        )

    kept = [ends(), ends(ended_at=old), ends(idles_at=old), ends(expires_at=old)]
    gone = [
        ends(ended_at=old - MOMENT),
        ends(idles_at=old - MOMENT),
        ends(expires_at=old - MOMENT),
    ]
    Session.objects.bulk_create([*kept, *gone])

    assert purge_sign_ins(now=now) == 3

    assert {*Session.objects.all()} == {*kept}


def test_the_data_of_expired_cookies_is_forgotten(carol):
    sign_in(Client(), carol)
    sign_in(Client(), carol)
    now, first = timezone.now(), Cookie.objects.first()
    Cookie.objects.filter(pk=first.pk).update(expire_date=now - MOMENT)

    assert purge_sign_ins(now=now) == 1

    assert Cookie.objects.count() == 1
    assert not Cookie.objects.filter(pk=first.pk).exists()


def test_failures_are_forgotten_when_they_lock_nobody_out(db):
    """Those of a clock that was ahead would lock out until it was right again."""
    now = timezone.now()
    cool = timedelta(minutes=15)
    times = {
        "old": now - cool - MOMENT,
        "counts": now - cool,
        "counts too": now + timedelta(minutes=1),
        "ahead": now + timedelta(minutes=1) + MOMENT,
    }
    for name, at in times.items():
        attempt = AccessAttempt.objects.create(
            username=name, user_agent=name, failures_since_start=1
        )
        AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=at)

    assert purge_failed_sign_ins(now=now) == 2

    left = AccessAttempt.objects.values_list("username", flat=True)
    assert {*left} == {"counts", "counts too"}
