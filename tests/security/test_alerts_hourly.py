"""Alerts are raised from the audit stream, once per metric and hour."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from agents.principals import AgentPrincipal
from audit.base.errors import NotPermitted
from audit.models import AuditEvent
from security import tasks
from security.alerts.models import Alert
from security.alerts.services import acknowledge_alert, check_alerts
from security.errors import TransitionRefused
from security.notifications.models import Notification
from security.notifications.services.contacts import set_contact
from tests.audit.logs import seal
from tests.people import SETUP
from tests.security.happenings import (
    NOW,
    call_is_decided,
    happen,
    is_decided,
    is_refused,
    sign_in_fails,
)

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
LATER = NOW + timedelta(minutes=2)
INSIDE = NOW - timedelta(minutes=30)


def seal_and_check(*, now: datetime) -> None:
    seal()
    check_alerts(now=now)


def raised() -> list[tuple[str, int, int]]:
    return list(
        Alert.objects.order_by("metric", "count").values_list(
            "metric", "count", "threshold"
        )
    )


@pytest.mark.parametrize(
    ("metric", "threshold", "make"),
    [
        ("failed_logins", 5, sign_in_fails),
        (
            "failed_logins",
            5,
            lambda **kw: happen("agent.token_refused", reason="unknown", **kw),
        ),
        (
            "high_risk_transactions",
            3,
            lambda **kw: is_decided(risk_bp=8001, **kw),
        ),
        ("api_errors", 10, lambda **kw: is_refused(status=404, **kw)),
        ("api_errors", 10, lambda **kw: happen("request.failed", status=500, **kw)),
        (
            "function_call_failures",
            5,
            lambda **kw: call_is_decided(outcome="deny", **kw),
        ),
    ],
)
def test_m1_exactly_at_the_threshold_and_not_one_below(metric, threshold, make):
    make(at=INSIDE, times=threshold - 1)
    seal_and_check(now=LATER)
    assert raised() == []

    make(at=INSIDE)
    seal_and_check(now=LATER)
    assert raised() == [(metric, threshold, threshold)]


def test_m1_the_hour_is_half_open():
    start = NOW - HOUR
    sign_in_fails(at=start, times=4)
    sign_in_fails(at=start - timedelta(microseconds=1))
    sign_in_fails(at=NOW)

    seal_and_check(now=LATER)
    assert raised() == []

    sign_in_fails(at=NOW - timedelta(microseconds=1))
    seal_and_check(now=LATER)
    assert raised() == [("failed_logins", 5, 5)]
    assert Alert.objects.get().window_start == start


def test_what_is_exactly_at_080_or_without_a_score_is_not_high_risk():
    is_decided(at=INSIDE, risk_bp=8000, times=20)
    is_decided(at=INSIDE, risk_bp=None, times=20)
    call_is_decided(at=INSIDE, outcome="allow", times=20)
    call_is_decided(at=INSIDE, outcome="hold", times=20)

    seal_and_check(now=LATER)

    assert raised() == []


def test_test_agents_are_not_counted():
    is_decided(at=INSIDE, risk_bp=9900, times=9, mode="test")
    call_is_decided(at=INSIDE, outcome="deny", times=9, mode="test")

    seal_and_check(now=LATER)
    assert raised() == []

    is_decided(at=INSIDE + HOUR, risk_bp=9900, times=3, mode="live")
    seal_and_check(now=LATER + HOUR)
    assert raised() == [("high_risk_transactions", 3, 3)]


def test_the_running_hour_raises_at_once_and_only_once():
    sign_in_fails(at=NOW + timedelta(minutes=1), times=6)

    seal_and_check(now=LATER)
    sign_in_fails(at=LATER, times=50)
    seal_and_check(now=LATER + timedelta(minutes=1))
    seal_and_check(now=LATER + HOUR)
    seal_and_check(now=LATER + 2 * HOUR)

    assert raised() == [("failed_logins", 6, 5)]
    assert AuditEvent.objects.filter(action="alert.raised").count() == 1


def test_an_event_that_commits_hours_late_is_still_counted():
    sign_in_fails(at=INSIDE, times=4)
    seal_and_check(now=LATER)
    seal_and_check(now=LATER + 9 * HOUR)
    assert raised() == []

    sign_in_fails(at=INSIDE)
    seal_and_check(now=LATER + 10 * HOUR)

    assert raised() == [("failed_logins", 5, 5)]
    assert Alert.objects.get().window_start == NOW - HOUR


def test_what_was_over_three_days_ago_wakes_nobody():
    sign_in_fails(at=NOW - timedelta(microseconds=1), times=5)
    seal_and_check(now=NOW + 72 * HOUR)
    assert raised() == []

    sign_in_fails(at=NOW, times=5)
    seal_and_check(now=NOW + 72 * HOUR)
    assert raised() == [("failed_logins", 5, 5)]


def test_while_nobody_seals_the_present_is_looked_at():
    sign_in_fails(at=NOW - timedelta(seconds=1), times=5)
    sign_in_fails(at=NOW + timedelta(seconds=1), times=6)

    check_alerts(now=NOW + timedelta(seconds=30))

    assert raised() == [("failed_logins", 5, 5), ("failed_logins", 6, 5)]


def test_o7_hours_missed_by_a_stopped_beat_alert_each():
    seal_and_check(now=NOW - 3 * HOUR)
    for hours in (3, 2, 1):
        sign_in_fails(at=NOW - hours * HOUR + timedelta(minutes=59), times=5)

    seal_and_check(now=LATER)

    starts = Alert.objects.order_by("window_start").values_list(
        "window_start", flat=True
    )
    assert list(starts) == [NOW - 3 * HOUR, NOW - 2 * HOUR, NOW - HOUR]


def test_o1_a_task_delivered_ten_times_has_one_effect():
    set_contact("primary", acting=SETUP, name="Lead", email="lead@example.com")
    sign_in_fails(at=INSIDE, times=7)

    for _ in range(10):
        seal_and_check(now=LATER)

    assert raised() == [("failed_logins", 7, 5)]
    assert Notification.objects.count() == 1


def test_an_alert_tells_the_contact_and_the_log():
    set_contact("primary", acting=SETUP, name="Lead", email="lead@example.com")
    sign_in_fails(at=INSIDE, times=5)

    seal_and_check(now=LATER)

    message = Notification.objects.get()
    assert message.recipient == "lead@example.com"
    assert message.subject == "Alert: failed_logins reached 5"
    assert "in the hour from 2026-03-10 11:00 UTC" in message.body
    event = AuditEvent.objects.get(action="alert.raised")
    assert event.details["count"] == 5
    assert event.details["window_start"] == "2026-03-10T11:00:00Z"
    assert (event.actor_kind, event.actor_label) == ("system", "alert thresholds")


def test_the_tasks_run_on_the_present_hour():
    agent = AgentPrincipal("agt_1", "usr_1", "shopping", "live", "crd_1", None)
    call_is_decided(at=timezone.now(), outcome="deny", times=5, actor=agent)

    tasks.check_security_alerts()

    assert raised() == [("function_call_failures", 5, 5)]


def test_acknowledging_takes_the_permission_and_happens_once(alice, bob):
    sign_in_fails(at=INSIDE, times=5)
    seal_and_check(now=LATER)
    alert = Alert.objects.get()

    with pytest.raises(NotPermitted):
        acknowledge_alert(alert.pk, acting=bob)
    alert.refresh_from_db()
    assert alert.status == "open"

    acknowledge_alert(alert.pk, acting=alice, note="Looking.")
    with pytest.raises(TransitionRefused):
        acknowledge_alert(alert.pk, acting=alice)
    alert.refresh_from_db()
    assert (alert.status, alert.acknowledged_by) == ("acknowledged", "alice")
    assert AuditEvent.objects.filter(action="alert.acknowledged").count() == 1
