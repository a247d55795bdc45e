"""Whatever does not decrypt is alerted on within half a minute, without a storm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from audit.models import AuditEvent
from security import tasks
from security.alerts.models import Alert
from security.errors import DecryptionFailed
from security.notifications.models import Notification, SecurityContact
from security.notifications.services.contacts import set_contact
from tests.people import SETUP

pytestmark = pytest.mark.django_db

READS = 50


@pytest.fixture(autouse=True)
def one_hour() -> Iterator[None]:
    """Stop the clock in the middle of an hour, which alerts are counted by."""
    with time_machine.travel(timezone.now().replace(minute=30), tick=False):
        yield


def make_contact(position: str) -> SecurityContact:
    return set_contact(
        position, acting=SETUP, name="Ada", email="ada@example.com", phone="+1"
    )


def read_tampered(times: int = 1) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE security_securitycontact SET phone = 'tampered'")
    for _ in range(times):
        for contact in SecurityContact.objects.all():
            with pytest.raises(DecryptionFailed):
                _ = contact.phone


def test_g4_one_tampered_value_raises_an_alert_with_a_message():
    make_contact("primary")
    tasks.check_security_alerts()
    assert Alert.objects.count() == 0

    read_tampered()
    tasks.check_security_alerts()

    alert = Alert.objects.get()
    assert (alert.metric, alert.count, alert.threshold) == ("decryption_failed", 1, 1)
    assert Notification.objects.get().subject == "Alert: decryption_failed reached 1"


def test_g4_a_storm_of_tampered_reads_is_one_alert_an_hour_with_its_count():
    make_contact("primary")
    make_contact("backup")

    read_tampered(times=READS)
    tasks.check_security_alerts()
    read_tampered()
    tasks.check_security_alerts()

    failures = AuditEvent.objects.filter(action="decryption.failed")
    assert failures.count() == 2 * READS + 2
    alert = Alert.objects.get()
    assert (alert.metric, alert.count) == ("decryption_failed", 2 * READS)
    assert Notification.objects.count() == 1


def test_the_alert_is_found_by_its_metric(client_for, alice):
    make_contact("primary")
    read_tampered()
    tasks.check_security_alerts()

    found = client_for(alice).get("/api/v1/alerts/?metric=decryption_failed")
    other = client_for(alice).get("/api/v1/alerts/?metric=failed_logins")

    assert [one["metric"] for one in found.json()["data"]] == ["decryption_failed"]
    assert other.json()["data"] == []
