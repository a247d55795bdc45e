"""One attack is one incident, and the steps of its response agree."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from audit.models import AuditEvent
from security.errors import TransitionRefused
from security.incidents.core.states import actions_from
from security.incidents.models import Incident, IncidentStep
from security.incidents.services import (
    detect_incidents,
    respond_to_incidents,
    update_incident,
)
from security.locks.models import ResourceLock
from security.locks.services import lock_resource, unlock_resource
from security.notifications.models import Notification
from tests.security.happenings import (
    NOW,
    as_principal,
    is_decided,
    is_refused,
    sign_in_fails,
)
from tests.security.test_incidents_flow import JUST, agent, open_one, primary

__all__ = ["agent", "primary"]  # Fixtures.

pytestmark = pytest.mark.django_db


def test_one_attack_is_one_incident_that_tells_every_limit_it_exceeded(agent, primary):
    actor = as_principal(agent)
    is_refused(at=JUST, times=10, actor=actor)
    [incident] = detect_incidents(now=NOW)
    respond_to_incidents()
    assert incident.measured == {"unauthorized_attempts": "10"}

    is_refused(at=JUST, actor=actor)
    is_decided(at=JUST, risk_bp=8001, actor=actor)
    for _ in range(2):
        assert detect_incidents(now=NOW) == []
        respond_to_incidents()

    incident = Incident.objects.get()
    assert (incident.trigger, incident.value) == ("unauthorized_attempts", "10")
    assert incident.measured == {
        "unauthorized_attempts": "10",
        "error_count": "11",
        "risk_score": "0.8001",
    }
    extended = AuditEvent.objects.filter(action="incident.extended").order_by("id")
    assert [(e.target_id, e.details["trigger"]) for e in extended] == [
        (incident.pk, "risk_score"),
        (incident.pk, "error_count"),
    ]
    assert Notification.objects.count() == 1
    assert ResourceLock.objects.count() == 1


def test_all_that_is_exceeded_at_once_is_one_incident(agent):
    is_refused(at=JUST, times=11, actor=as_principal(agent))
    is_decided(at=JUST, risk_bp=9000, actor=as_principal(agent))

    [incident] = detect_incidents(now=NOW)

    assert incident.measured == {
        "risk_score": "0.9000",
        "error_count": "11",
        "unauthorized_attempts": "11",
    }
    assert (incident.trigger, incident.value) == ("risk_score", "0.9000")


def test_another_limit_locks_again_what_was_released_during_an_incident(agent, alice):
    is_refused(at=JUST, times=6, actor=as_principal(agent))
    detect_incidents(now=NOW)
    respond_to_incidents()
    unlock_resource("agent", agent.pk, acting=alice, reason="A false alarm?")

    is_decided(at=JUST, risk_bp=9000, actor=as_principal(agent))
    detect_incidents(now=NOW)

    live = ResourceLock.objects.get(released_at=None)
    assert (live.target_id, live.incident) == (agent.pk, Incident.objects.get())


def test_the_database_holds_one_live_incident_of_an_actor(agent):
    about = {"value": "6", "resource_kind": "agent", "resource_id": agent.pk}
    Incident.objects.create(trigger="error_count", **about)

    with pytest.raises(IntegrityError), transaction.atomic():
        Incident.objects.create(trigger="risk_score", **about)

    assert Incident.objects.count() == 1


def test_steps_agree_on_a_lock_that_somebody_else_had_set(agent, alice):
    lock = lock_resource("agent", agent.pk, acting=alice, reason="Odd.")
    open_one(agent)

    respond_to_incidents()

    results = dict(IncidentStep.objects.values_list("name", "result"))
    assert results["lock"] == (
        f"Agent shopping was locked already, by alice ({lock.pk})."
    )
    assert results["log"].endswith(f"; locks in force: {lock.pk} by alice.")


def test_steps_agree_on_the_lock_of_the_incident(agent):
    open_one(agent)

    respond_to_incidents()

    lock = ResourceLock.objects.get()
    results = dict(IncidentStep.objects.values_list("name", "result"))
    assert results["lock"] == f"Locked agent shopping ({lock.pk})."
    assert results["log"].endswith(f"; locks in force: {lock.pk} by incident response.")


def test_what_cannot_be_locked_cannot_be_contained(alice):
    sign_in_fails(at=JUST, times=6, address="203.0.113.9")
    [incident] = detect_incidents(now=NOW)

    with pytest.raises(TransitionRefused):
        update_incident(incident.pk, "contain", acting=alice, note="Stop it.")

    incident.refresh_from_db()
    assert incident.status == "open"
    assert actions_from("open", "address") == ("acknowledge", "resolve")
    assert actions_from("open", "agent") == ("acknowledge", "contain", "resolve")
