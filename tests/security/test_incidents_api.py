"""Alerts and incidents over the API."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from security.alerts.services import check_alerts
from security.incidents.models import Incident
from security.incidents.services import detect_incidents
from security.locks.models import ResourceLock
from tests.factories import make_agent, make_agent_token
from tests.security.happenings import NOW, is_refused, sign_in_fails

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("spacious_limits")]

ACTIONS = ("acknowledge", "contain", "resolve", "close")


@pytest.fixture
def incident(carol) -> Incident:
    """Carol asked six times for what is forbidden; it is just after noon."""
    is_refused(at=NOW - timedelta(minutes=1), status=403, times=6, actor=carol)
    (opened,) = detect_incidents(now=NOW)
    return opened


def url(incident: Incident, action: str) -> str:
    return f"/api/v1/incidents/{incident.pk}/{action}/"


def test_an_incident_is_listed_with_its_steps(client_for, alice, incident, carol):
    body = client_for(alice).get("/api/v1/incidents/").json()

    assert body["next"] is None
    (shown,) = body["data"]
    assert shown["opened_at"] == "2026-03-10T12:00:00Z"
    assert {key: shown[key] for key in shown if key != "source_event"} == {
        "id": incident.pk,
        "object": "incident",
        "trigger": "unauthorized_attempts",
        "value": "6",
        "measured": {"unauthorized_attempts": "6"},
        "status": "open",
        "resource": {"kind": "user", "id": carol.pk, "label": "carol"},
        "opened_at": "2026-03-10T12:00:00Z",
        "ended_at": None,
        "steps": [
            {"name": name, "done_at": None, "result": ""}
            for name in ("lock", "notify", "log", "investigate")
        ],
        "actions": ["acknowledge", "contain", "resolve"],
    }


def test_an_incident_goes_its_way(client_for, alice, incident):
    client = client_for(alice)

    for action, status in zip(
        ACTIONS, ("investigating", "contained", "resolved", "closed"), strict=True
    ):
        answer = client.post(url(incident, action), {"note": f"We {action}."})
        assert (answer.status_code, answer.json()["status"]) == (200, status)

    assert ResourceLock.objects.count() == 1
    told = AuditEvent.objects.filter(action="incident.updated").order_by("id")
    assert [event.details for event in told] == [
        {"status": "investigating", "note": "We acknowledge."},
        {"status": "contained", "note": "We contain."},
        {"status": "resolved", "note": "We resolve."},
        {"status": "closed", "note": "We close."},
    ]


def test_what_its_state_does_not_allow_is_409(client_for, alice, incident):
    answer = client_for(alice).post(url(incident, "close"), {"note": "Done."})

    assert answer.status_code == 409
    assert answer.json()["code"] == "transition_refused"
    incident.refresh_from_db()
    assert incident.status == "open"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/note"),
        ({"note": ""}, "/note"),
        ({"note": "x" * 501}, "/note"),
        ({"note": "x", "status": "closed"}, "/status"),
    ],
)
def test_a_note_is_obligatory_and_nothing_else_is_taken(
    client_for, alice, incident, body, pointer
):
    answer = client_for(alice).post(url(incident, "resolve"), body)

    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    incident.refresh_from_db()
    assert incident.status == "open"


def test_an_unknown_incident_is_404(client_for, alice):
    answer = client_for(alice).post(
        "/api/v1/incidents/inc_none/resolve/", {"note": "Who?"}
    )

    assert answer.status_code == 404


def test_c1_only_security_staff_may(api, client_for, people, incident):
    agent = make_agent(people.carol, acting=people.alice)
    token = make_agent_token(agent, acting=people.alice)
    expected = [
        (api(), 401),
        (api(token=token), 403),
        (client_for(people.carol), 403),
        (client_for(people.bob), 403),
    ]

    for client, status in expected:
        assert client.get("/api/v1/alerts/").status_code == status
        assert client.get("/api/v1/incidents/").status_code == status
        for action in ACTIONS:
            answer = client.post(url(incident, action), {"note": "Please."})
            assert answer.status_code == status

    incident.refresh_from_db()
    assert incident.status == "open"
    assert ResourceLock.objects.count() == 0


def test_alerts_are_listed_and_filtered(client_for, alice):
    sign_in_fails(at=NOW - timedelta(minutes=30), times=5)
    check_alerts(now=NOW)
    client = client_for(alice)

    (shown,) = client.get("/api/v1/alerts/?metric=failed_logins").json()["data"]

    assert {key: shown[key] for key in ("object", "metric", "count", "threshold")} == {
        "object": "alert",
        "metric": "failed_logins",
        "count": 5,
        "threshold": 5,
    }
    assert shown["window_start"] == "2026-03-10T11:00:00Z"
    assert client.get("/api/v1/alerts/?status=acknowledged").json()["data"] == []
    assert client.get("/api/v1/alerts/?metric=nonsense").status_code == 400
    assert client.get("/api/v1/incidents/?owner=x").status_code == 400
