"""Incidents among events that are sealed late, or read late."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit.queries.reading import reader_lags
from audit.services import following
from security.incidents.models import IncidentStep
from security.incidents.services import detect_incidents, respond_to_incidents
from tests.audit.logs import seal
from tests.factories import make_agent
from tests.security.happenings import NOW, as_principal, is_refused

pytestmark = pytest.mark.django_db

JUST = NOW - timedelta(minutes=1)


@pytest.fixture
def agent(carol, alice):
    return make_agent(carol, acting=alice)


def test_what_committed_hours_late_is_an_incident_once_it_is_sealed(agent):
    actor, late = as_principal(agent), NOW + timedelta(hours=5)
    is_refused(at=JUST, status=403, times=3, actor=actor)
    seal()
    assert detect_incidents(now=late) == []
    is_refused(at=JUST - timedelta(minutes=58), status=403, times=3, actor=actor)
    assert detect_incidents(now=late) == []

    seal()
    (incident,) = detect_incidents(now=late)

    assert (incident.trigger, incident.value) == ("unauthorized_attempts", "6")
    assert detect_incidents(now=late) == []


def test_events_of_one_hour_in_many_lots_are_one_incident(agent, monkeypatch):
    monkeypatch.setattr(following, "BATCH", 2)
    actor, late = as_principal(agent), NOW + timedelta(hours=5)
    for minutes in range(0, 60, 10):
        at = NOW - timedelta(minutes=minutes)
        is_refused(at=at, status=403, actor=actor)
    seal()

    (incident,) = detect_incidents(now=late)

    assert incident.value == "6"


def test_an_event_from_years_ago_holds_nobody_up(agent):
    actor = as_principal(agent)
    is_refused(at=NOW - timedelta(days=700), status=403, times=9, actor=actor)
    is_refused(at=JUST, status=403, times=6, actor=actor)
    seal()

    (incident,) = detect_incidents(now=NOW + timedelta(hours=5))

    assert incident.value == "6"
    assert reader_lags(now=NOW)[0].events == 0


def test_the_evidence_is_of_the_hour_in_which_it_happened(agent):
    is_refused(at=JUST, status=403, times=6, actor=as_principal(agent))
    seal()
    detect_incidents(now=NOW + timedelta(hours=5))

    respond_to_incidents()

    found = IncidentStep.objects.get(name="investigate").result
    assert found == (
        "Started. In the hour up to 2026-03-10 11:59 UTC: 0 events about the resource"
        " and 6 about its owner (counted to 50)."
    )
