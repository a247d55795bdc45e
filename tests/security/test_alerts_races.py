"""Two beats, two workers: each fact still happens once. Real commits and threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, connection

from audit.models import AuditEvent
from audit.queries.reading import reader_lags
from security.alerts.models import Alert
from security.alerts.services import check_alerts
from security.incidents.models import Incident
from security.incidents.services import detect_incidents, respond_to_incidents
from security.locks.models import ResourceLock
from security.notifications.models import Notification
from security.notifications.services.contacts import set_contact
from tests.audit.logs import seal
from tests.people import SETUP
from tests.security.happenings import NOW, is_refused, sign_in_fails


def at_once(work: Callable[[], object], workers: int = 4) -> None:
    barrier = threading.Barrier(workers)
    errors: list[BaseException] = []

    def run() -> None:
        barrier.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - reported by the main thread.
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_o2_four_beats_at_once_raise_one_alert_per_metric_and_hour(committed_db):
    set_contact("primary", acting=SETUP, name="Lead", email="lead@example.com")
    sign_in_fails(at=NOW - timedelta(minutes=30), times=5)
    sign_in_fails(at=NOW - timedelta(minutes=90), times=5)

    seal()

    at_once(lambda: check_alerts(now=NOW + timedelta(minutes=2)))

    assert Alert.objects.count() == 2
    assert Notification.objects.count() == 2
    assert AuditEvent.objects.filter(action="alert.raised").count() == 2
    assert reader_lags(now=NOW)[0].events == 0


def test_looking_again_at_an_hour_is_no_error_of_the_database(people):
    """It would log each, with the row's values, for as long as the hour lasts."""
    now = NOW - timedelta(minutes=10)
    set_contact("primary", acting=SETUP, name="Lead", email="lead@example.com")
    sign_in_fails(at=now - timedelta(minutes=20), times=5)
    is_refused(at=now, status=403, times=6, actor=people.carol)
    seal()
    inserted, failed = [], []

    def watched(execute, sql, *arguments):
        inserted.append('INSERT INTO "security_alert"' in sql)
        try:
            return execute(sql, *arguments)
        except DatabaseError as error:
            failed.append(str(error))
            raise

    with connection.execute_wrapper(watched):
        for _ in range(3):
            check_alerts(now=now)
            detect_incidents(now=now)
            respond_to_incidents()

    assert (Alert.objects.count(), Incident.objects.count()) == (1, 1)
    assert sum(inserted) > 2
    assert failed == []


def test_o2_four_workers_at_once_open_and_answer_one_incident(committed_db, people):
    is_refused(at=NOW, status=403, times=6, actor=people.carol)

    at_once(lambda: detect_incidents(now=NOW))
    at_once(respond_to_incidents)

    assert Incident.objects.count() == 1
    assert ResourceLock.objects.count() == 1
    steps = AuditEvent.objects.filter(action="incident.step_done")
    assert sorted(event.details["step"] for event in steps) == [
        "investigate",
        "lock",
        "log",
        "notify",
    ]
    assert AuditEvent.objects.filter(action="resource.locked").count() == 1
