"""A sequencer that stopped wakes somebody; a log that is damaged does, too."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit import tasks as audit_tasks
from audit.models import AuditEvent, AuditLeaf
from audit.queries.tree import sealing_delay
from security.alerts.models import Alert
from security.alerts.services import check_alerts, check_sealing
from tests.audit import tampering
from tests.audit.logs import seal, write_event, write_events
from tests.spending import spend

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def outside(committed_db, settings, tmp_path):
    settings.AUDIT_CHECKPOINT_DIR = str(tmp_path)


def test_an_event_waits_from_its_own_time_on():
    now = timezone.now()
    assert sealing_delay(now=now) == timedelta(0)
    first, *_ = write_events(3)
    assert sealing_delay(now=first.occurred_at + MINUTE) == MINUTE
    seal()
    assert sealing_delay(now=now + MINUTE) == timedelta(0)


def test_a_minute_without_a_seal_raises_one_alert_an_hour():
    event = write_event()
    late = event.occurred_at.replace(minute=10, second=0) + timedelta(hours=1)

    check_sealing(now=event.occurred_at + MINUTE - timedelta(milliseconds=1))
    assert not Alert.objects.exists()
    check_sealing(now=late)
    check_sealing(now=late + MINUTE)

    alert = Alert.objects.get()
    assert alert.metric == "audit_sealing_late"
    assert alert.count == int((late - event.occurred_at).total_seconds())


def test_a_log_that_is_sealed_in_time_raises_none():
    write_events(2)
    seal()

    check_sealing(now=timezone.now() + timedelta(hours=5))

    assert not Alert.objects.exists()


def test_decisions_go_on_while_nobody_seals(agent):
    seal()
    sealed = AuditLeaf.objects.count()
    event = write_event()
    late = event.occurred_at + MINUTE
    check_sealing(now=late)
    assert Alert.objects.get().metric == "audit_sealing_late"
    backlog = AuditEvent.objects.count() - sealed

    assert spend(agent).body["outcome"] == "allow"

    assert AuditEvent.objects.filter(action="transaction.decided").count() == 1
    assert AuditEvent.objects.count() - sealed > backlog > 0
    assert AuditLeaf.objects.count() == sealed > 0
    assert sealing_delay(now=late) == MINUTE


@pytest.mark.usefixtures("as_owner")
def test_a_scheduled_verification_that_finds_damage_raises_an_alert():
    write_events(3)
    seal()
    audit_tasks.verify()
    check_alerts(now=timezone.now())
    assert not Alert.objects.exists()
    assert AuditEvent.objects.get(action="audit.verified").outcome == "success"
    seal()

    tampering.remove_guards()
    AuditEvent.objects.filter(action="request.refused").update(outcome="failure")
    audit_tasks.verify()
    check_alerts(now=timezone.now())

    alert = Alert.objects.get()
    assert (alert.metric, alert.count) == ("audit_log_damaged", 1)
