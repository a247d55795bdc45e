"""What watches goes on after a clock that was three days ahead for a while."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import redis
import time_machine
from django.utils import timezone

from audit.models import ReaderCursor
from platform_site.checklist.checks import run_checklist
from security.errors import SignatureRefused
from security.incidents.models import Incident
from security.incidents.services import detect_incidents
from security.limits import limiter
from security.limits.core import gcra
from security.limits.core.config import Limit
from security.notifications.services.contacts import set_contact
from security.notifications.services.messages import notify_contacts
from security.signing import requests as signed_requests
from security.signing.models import RequestNonce
from tests.people import SETUP
from tests.security.happenings import NOW, is_refused
from tests.security.test_signed_requests import headers_of, request_with, verify

AHEAD = timedelta(days=3)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


def offends(actor, *, at):
    is_refused(at=at - timedelta(seconds=30), times=6, actor=actor)
    return detect_incidents(now=at)


def end(incident, *, at):
    Incident.objects.filter(pk=incident.pk).update(status="resolved", ended_at=at)


@pytest.mark.parametrize(
    "ended_at", [NOW + AHEAD + MINUTE, NOW + MINUTE], ids=["ahead", "right"]
)
def test_an_incident_of_a_clock_that_was_ahead_hides_no_later_one(bob, ended_at):
    [first] = offends(bob, at=NOW + AHEAD)
    end(first, at=ended_at)

    for hours in (1, 24, 60):
        at = NOW + hours * HOUR
        [later] = offends(bob, at=at)
        assert later.opened_at == at
        end(later, at=at + MINUTE)
        # What it dealt with opens no second one.
        assert detect_incidents(now=at + 2 * MINUTE) == []


def test_what_came_while_an_incident_of_a_wrong_clock_lived_is_dealt_with(bob):
    [first] = offends(bob, at=NOW + AHEAD)
    assert offends(bob, at=NOW) == []
    end(first, at=NOW + MINUTE)

    assert detect_incidents(now=NOW + 2 * MINUTE) == []


def test_a_storm_of_a_clock_that_was_ahead_holds_back_no_alert():
    set_contact("primary", name="Ann", email="ann@example.com", acting=SETUP)
    with time_machine.travel(NOW + AHEAD):
        for number in range(25):
            notify_contacts(subject="s", body="b", series="alert", key=f"a{number}")

    for hours in (1, 60):
        with time_machine.travel(NOW + hours * HOUR):
            message = notify_contacts(
                subject="A real one", body="b", series="alert", key=f"r{hours}"
            )
            assert message is not None
            assert message.subject == "A real one"


@pytest.mark.parametrize(
    ("read_at", "outcome"),
    [(-MINUTE, "not_done"), (MINUTE, "not_done"), (-HOUR, "fail"), (AHEAD, "fail")],
)
def test_the_checklist_tells_of_readers_that_are_silent_since_a_wrong_clock(
    read_at, outcome
):
    for name in ("alerts", "incidents"):
        ReaderCursor.objects.create(name=name, read_at=timezone.now() + read_at)

    found = {one.item.key: one.finding for one in run_checklist()}

    assert found["behavior_monitoring"].status == outcome


@pytest.mark.parametrize("days", [3, 400])
def test_f2_a_clock_that_is_ahead_for_a_while_lets_no_replay_through(days):
    headers = headers_of()
    verify(request_with(headers))

    signed_requests.purge_nonces(now=timezone.now() + timedelta(days=days))

    with pytest.raises(SignatureRefused) as caught:
        verify(request_with(headers))
    assert caught.value.reason == "nonce_reused"


def test_f2_what_was_signed_by_a_clock_ahead_is_no_replay_when_its_time_comes():
    """Purged while that clock ran on, it would pass three days later."""
    ahead = timezone.now() + AHEAD
    with time_machine.travel(ahead, tick=False):
        headers = headers_of(created=int(ahead.timestamp()))
        verify(request_with(headers))
    RequestNonce.objects.create(
        key_id="k", nonce="later", expires_at=ahead + timedelta(days=9)
    )

    signed_requests.purge_nonces(now=ahead + HOUR)
    signed_requests.purge_nonces(now=ahead - HOUR)

    with time_machine.travel(ahead, tick=False), pytest.raises(SignatureRefused):
        verify(request_with(headers))


def test_a_limit_is_told_to_the_log_again_after_a_clock_that_was_ahead(settings):
    key, limit = f"limit:ahead:{uuid.uuid4()}", Limit(1, 1)
    script = limiter._script(settings.REDIS_URL, 60)

    def ask():
        return script(keys=[key], args=[gcra.interval_us(limit), 1])[:2]

    assert ask() == [1, 0]
    assert ask() == [0, 1]
    assert ask() == [0, 0]

    # As Valkey has it, whose clock was three days ahead when it set the mark.
    redis.Redis.from_url(settings.REDIS_URL).expire(f"{key}:refused", AHEAD)

    assert ask() == [0, 1]
    assert ask() == [0, 0]
