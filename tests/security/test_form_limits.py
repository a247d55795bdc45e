"""The limits of HTML forms: 429 with a page, closed when nobody can count."""

from __future__ import annotations

import time_machine
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from security.limits.core.config import parse_limits
from tests.browsing import sign_in
from tests.people import People


def posts(person, count: int) -> list:
    client = Client()
    sign_in(client, person)
    body = {"verdict": "deny", "reason": "Kept <b>words</b>"}
    with time_machine.travel(timezone.now(), tick=False):  # All in one window.
        return [client.post("/approvals/apr_unknown/", body) for _ in range(count)]


def test_the_eleventh_post_in_a_minute_is_refused_and_audited_once(people: People):
    statuses = [response.status_code for response in posts(people.bob, 13)]

    assert statuses == [404] * 10 + [429] * 3
    assert AuditEvent.objects.filter(action="request.limited").count() == 1


def test_the_refusal_says_when_and_keeps_what_was_written(people: People, settings):
    settings.RATE_LIMIT_CONFIG = parse_limits({"high_risk": {"requests_per_minute": 1}})

    response = posts(people.bob, 3)[-1]

    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 60
    assert b"Kept &lt;b&gt;words&lt;/b&gt;" in response.content


def test_one_person_does_not_spend_anothers_limit(people: People, settings):
    settings.RATE_LIMIT_CONFIG = parse_limits({"high_risk": {"requests_per_minute": 1}})
    posts(people.bob, 3)

    assert posts(people.eve, 1)[0].status_code == 404


def test_d8_without_the_limiters_engine_the_form_waits(people: People, settings):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "unix:///nowhere/valkey.sock",
        }
    }

    response = posts(people.bob, 1)[0]

    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert b"Nothing was approved or changed" in response.content
