"""What a Prometheus server reads, and the permission for it."""

from __future__ import annotations

import pytest
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from audit.core.verification import Fault
from audit.models import AuditEvent, ReaderCursor
from audit.services.verification import Verification, record_verification
from tests.audit.logs import seal, write_events

pytestmark = pytest.mark.django_db

TOKEN = "t" * 32


def samples(response) -> dict[str, float]:
    """Read the metrics as Prometheus does, with their labels in the name."""
    assert response.status_code == 200
    families = text_string_to_metric_families(response.content.decode())
    return {
        "/".join([sample.name, *sample.labels.values()]): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def scrape(client, settings):
    settings.METRICS_TOKEN = TOKEN
    return lambda: samples(
        client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    )


def test_an_empty_log(scrape):
    assert scrape() == {"audit_sealed_events": 0, "audit_sealing_delay_seconds": 0}


def test_the_log_its_seal_and_its_readers(scrape):
    events = write_events(5)
    seal()
    ReaderCursor.objects.create(name="alerts", index=2, read_at=timezone.now())
    ReaderCursor.objects.create(name="incidents", index=5, read_at=timezone.now())
    found = scrape()

    age = timezone.now() - events[2].occurred_at
    assert 0 < found.pop("audit_reader_lag_seconds/alerts") <= age.total_seconds()
    assert found == {
        "audit_sealed_events": 5,
        "audit_sealing_delay_seconds": 0,
        "audit_reader_lag_events/alerts": 3,
        "audit_reader_lag_events/incidents": 0,
        "audit_reader_lag_seconds/incidents": 0,
    }


@pytest.mark.parametrize(
    ("findings", "success"), [([], 1), ([Fault("changed", "It was.", 2)], 0)]
)
def test_the_last_verification(scrape, findings, success):
    record_verification(Verification(0, 3, 1, 0.5, findings))
    told = AuditEvent.objects.get(action="audit.verified").occurred_at

    found = scrape()

    assert found["audit_verification_success"] == success
    assert found["audit_verification_timestamp_seconds"] == told.timestamp()


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", f"Bearer {TOKEN}x", TOKEN])
def test_without_the_token_nothing_is_told(client, settings, header):
    settings.METRICS_TOKEN = TOKEN

    response = client.get("/metrics", headers={"Authorization": header})

    assert (response.status_code, response.content) == (401, b"")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer "])
def test_an_installation_without_a_token_lets_no_token_in(client, settings, header):
    settings.METRICS_TOKEN = ""

    response = client.get("/metrics", headers={"Authorization": header})

    assert response.status_code == 401
