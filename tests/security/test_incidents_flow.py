"""An incident is found, its actor locked, people get a message: once, whatever dies."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit.base.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.errors import ReasonMissing, TransitionRefused
from security.incidents.models import Incident, IncidentStep
from security.incidents.services import (
    detect_incidents,
    respond_to_incidents,
    update_incident,
)
from security.locks import responders
from security.locks.models import ResourceLock
from security.notifications.models import Notification
from security.notifications.services.contacts import set_contact
from tests.factories import make_agent
from tests.people import SETUP
from tests.security.happenings import (
    NOW,
    as_principal,
    happen,
    is_decided,
    is_refused,
    sign_in_fails,
)

pytestmark = pytest.mark.django_db

JUST = NOW - timedelta(minutes=1)


@pytest.fixture
def agent(carol, bob):
    return make_agent(carol, acting=bob)


@pytest.fixture
def primary():
    return set_contact("primary", acting=SETUP, name="Lead", email="lead@example.com")


def open_one(agent, now=NOW) -> Incident:
    is_decided(at=now - timedelta(minutes=1), risk_bp=8001, actor=as_principal(agent))
    (incident,) = detect_incidents(now=now)
    return incident


def steps_of(incident):
    steps = IncidentStep.objects.filter(incident=incident)
    return [(step.name, step.done_at is not None) for step in steps]


@pytest.mark.parametrize(
    ("make", "trigger", "at_the_limit"),
    [
        (
            lambda n, **kw: is_refused(at=JUST, times=n, status=403, **kw),
            "unauthorized_attempts",
            5,
        ),
        (
            lambda n, **kw: happen(
                "signature.refused", at=JUST, times=n, code="bad", **kw
            ),
            "unauthorized_attempts",
            5,
        ),
    ],
)
def test_m4_above_the_limit_and_not_at_it(agent, make, trigger, at_the_limit):
    make(at_the_limit, actor=as_principal(agent))
    assert detect_incidents(now=NOW) == []

    make(1, actor=as_principal(agent))
    (incident,) = detect_incidents(now=NOW)

    assert incident.trigger == trigger
    assert incident.value == str(at_the_limit + 1)
    assert (incident.resource_kind, incident.resource_id) == ("agent", agent.pk)
    assert incident.owner_id == agent.owner_id


def test_m4_a_risk_of_exactly_080_is_no_incident_and_above_it_is(agent):
    is_decided(at=JUST, risk_bp=8000, times=30, actor=as_principal(agent))
    assert detect_incidents(now=NOW) == []

    is_decided(at=JUST, risk_bp=8001, actor=as_principal(agent))
    (incident,) = detect_incidents(now=NOW)

    assert (incident.trigger, incident.value) == ("risk_score", "0.8001")
    source = AuditEvent.objects.get(pk=incident.source_event_id)
    assert source.details["risk_bp"] == 8001


def test_only_the_last_hour_counts(agent):
    actor = as_principal(agent)
    is_refused(at=NOW - timedelta(hours=1, seconds=1), status=403, times=6, actor=actor)
    assert detect_incidents(now=NOW) == []

    is_refused(at=NOW - timedelta(hours=1), status=403, times=6, actor=actor)
    assert len(detect_incidents(now=NOW)) == 1


def test_what_a_test_agent_does_is_no_incident(agent):
    is_decided(at=JUST, risk_bp=9999, actor=as_principal(agent), mode="test")

    assert detect_incidents(now=NOW) == []


def test_m4_all_four_steps_are_done(agent, primary):
    incident = open_one(agent)

    respond_to_incidents()

    assert steps_of(incident) == [
        ("lock", True),
        ("notify", True),
        ("log", True),
        ("investigate", True),
    ]
    lock = ResourceLock.objects.get()
    assert (lock.kind, lock.target_id, lock.incident) == ("agent", agent.pk, incident)
    assert lock.released_at is None
    assert Notification.objects.get().recipient == "lead@example.com"
    incident.refresh_from_db()
    assert incident.status == "investigating"
    told = AuditEvent.objects.filter(target_id=incident.pk).order_by("id")
    assert [(e.action, e.details.get("step")) for e in told] == [
        ("incident.opened", None),
        ("incident.step_done", "lock"),
        ("incident.step_done", "notify"),
        ("incident.step_done", "log"),
        ("incident.step_done", "investigate"),
    ]
    locked = AuditEvent.objects.get(action="resource.locked")
    assert (locked.target_id, locked.owner_id) == (agent.pk, agent.owner_id)


def test_o1_delivered_ten_times_one_cause_has_one_effect(agent, primary):
    open_one(agent)

    for _ in range(10):
        assert detect_incidents(now=NOW) == []
        respond_to_incidents()

    assert Incident.objects.count() == 1
    assert ResourceLock.objects.count() == 1
    assert Notification.objects.count() == 1
    assert AuditEvent.objects.filter(action="incident.step_done").count() == 4


class Killed(BaseException):
    """Stands for kill -9: nothing of ours may catch it."""


class DyingResponder:
    """The real responder, but the process dies at a chosen moment, once."""

    def __init__(self, real, *, before: bool):
        self.real, self.before, self.is_dead = real, before, False

    def lock(self, target_id, **kwargs):
        if self.before and not self.is_dead:
            self.is_dead = True
            raise Killed
        self.real.lock(target_id, **kwargs)

    def unlock(self, target_id, **kwargs):
        self.real.unlock(target_id, **kwargs)

    def describe(self, target_id):
        if not self.before and not self.is_dead:
            self.is_dead = True
            raise Killed
        return self.real.describe(target_id)


def real_responder() -> responders.Responder:
    responder = responders.responder_for("agent")
    assert responder is not None
    return responder


@pytest.fixture
def replaced_responder():
    real = real_responder()
    yield lambda responder: responders.register("agent", responder)
    responders.register("agent", real)


@pytest.mark.parametrize("before", [True, False])
def test_m4_killed_in_a_step_the_response_is_resumed(
    agent, primary, replaced_responder, before
):
    incident = open_one(agent)
    real = real_responder()
    replaced_responder(DyingResponder(real, before=before))

    with pytest.raises(Killed):
        respond_to_incidents()
    assert [done for _, done in steps_of(incident)] == [False] * 4
    assert ResourceLock.objects.count() == 0

    respond_to_incidents()
    assert [done for _, done in steps_of(incident)] == [True] * 4
    assert ResourceLock.objects.count() == 1
    assert Notification.objects.count() == 1


class BrokenResponder:
    """A responder that cannot do its work."""

    def lock(self, target_id, **kwargs):
        raise RuntimeError("no")

    def unlock(self, target_id, **kwargs):
        raise RuntimeError("no")

    def describe(self, target_id):
        return None


def test_a_lock_that_fails_is_retried_and_people_are_told_meanwhile(
    agent, primary, replaced_responder
):
    incident = open_one(agent)
    real = real_responder()
    replaced_responder(BrokenResponder())

    respond_to_incidents()
    assert [done for _, done in steps_of(incident)] == [False, True, True, True]
    step = IncidentStep.objects.get(incident=incident, name="lock")
    assert (step.attempts, step.result) == (
        1,
        "Failed, will be tried again: RuntimeError",
    )

    responders.register("agent", real)
    respond_to_incidents()
    assert [done for _, done in steps_of(incident)] == [True] * 4
    assert ResourceLock.objects.filter(target_id=agent.pk).count() == 1


def test_m3_without_anybody_to_tell_the_incident_still_locks(agent):
    incident = open_one(agent)

    respond_to_incidents()

    assert ResourceLock.objects.get().target_id == agent.pk
    notify = IncidentStep.objects.get(incident=incident, name="notify")
    assert notify.result.startswith("No message: no contact is configured")


def test_m5_failed_sign_ins_lock_nobody(carol):
    sign_in_fails(at=JUST, times=30, address="203.0.113.9")

    (incident,) = detect_incidents(now=NOW)
    respond_to_incidents()

    assert (incident.resource_kind, incident.resource_id) == ("address", "203.0.113.9")
    assert ResourceLock.objects.count() == 0
    lock = IncidentStep.objects.get(incident=incident, name="lock")
    assert lock.result == "Nothing to lock: nobody has proved to be behind it."


def test_strangers_from_different_addresses_are_not_added_up():
    for last in range(6):
        sign_in_fails(at=JUST, times=5, address=f"203.0.113.{last}")

    assert detect_incidents(now=NOW) == []


def test_d6_addresses_of_one_ipv6_network_are_one_actor():
    for last in range(6):
        sign_in_fails(at=JUST, address=f"2001:db8:1:2::{last}")

    (incident,) = detect_incidents(now=NOW)

    assert (incident.resource_id, incident.value) == ("2001:db8:1:2::", "6")


def test_a_person_who_asks_for_what_is_forbidden_is_locked(carol):
    is_refused(at=JUST, status=403, times=6, actor=carol)

    (incident,) = detect_incidents(now=NOW)
    respond_to_incidents()

    assert (incident.resource_kind, incident.resource_id) == ("user", carol.pk)
    assert ResourceLock.objects.get().target_id == carol.pk


def test_a_closed_incident_is_not_opened_again_by_the_same_events(agent, alice):
    actor = as_principal(agent)
    happen("signature.refused", at=JUST, times=6, code="bad", actor=actor)
    (first,) = detect_incidents(now=NOW)
    update_incident(first.pk, "resolve", acting=alice, note="A wrong setting.")
    update_incident(first.pk, "close", acting=alice, note="Done.")
    Incident.objects.filter(pk=first.pk).update(ended_at=NOW + timedelta(minutes=5))

    later = NOW + timedelta(minutes=10)
    happen(
        "signature.refused",
        at=NOW + timedelta(minutes=6),
        times=5,
        code="bad",
        actor=actor,
    )
    assert detect_incidents(now=later) == []

    happen("signature.refused", at=NOW + timedelta(minutes=7), code="bad", actor=actor)
    (second,) = detect_incidents(now=later)
    assert second.pk != first.pk
    assert second.value == "6"


def test_a_storm_of_addresses_does_not_silence_an_agents_incident(agent, primary):
    for last in range(25):
        sign_in_fails(at=JUST, times=6, address=f"203.0.113.{last}")
    is_decided(at=JUST, risk_bp=9000, actor=as_principal(agent))

    detect_incidents(now=NOW)
    respond_to_incidents()

    assert Incident.objects.count() == 26
    subjects = list(Notification.objects.values_list("subject", flat=True))
    assert len(subjects) == 22
    assert "More than 20 messages (incident_address) within an hour" in subjects
    assert "Incident: risk_score on shopping" in subjects


def test_an_incident_that_was_resolved_before_its_response_locks_nothing(agent, alice):
    incident = open_one(agent)
    update_incident(incident.pk, "resolve", acting=alice, note="False alarm.")

    respond_to_incidents()

    assert ResourceLock.objects.count() == 0
    assert [done for _, done in steps_of(incident)] == [True] * 4
    incident.refresh_from_db()
    assert incident.status == "resolved"


def test_a_person_moves_an_incident_along_its_states(agent, alice):
    incident = open_one(agent)

    for action, status in (
        ("acknowledge", "investigating"),
        ("contain", "contained"),
        ("resolve", "resolved"),
        ("close", "closed"),
    ):
        updated = update_incident(incident.pk, action, acting=alice, note="Because.")
        assert updated.status == status
    assert ResourceLock.objects.get().target_id == agent.pk

    with pytest.raises(TransitionRefused):
        update_incident(incident.pk, "contain", acting=alice, note="Again.")
    incident.refresh_from_db()
    assert incident.status == "closed"
    assert incident.ended_at is not None


def test_changing_an_incident_takes_the_permission_and_a_note(agent, alice, bob):
    incident = open_one(agent)

    with pytest.raises(NotPermitted):
        update_incident(incident.pk, "resolve", acting=bob, note="Please.")
    with pytest.raises(ReasonMissing):
        update_incident(incident.pk, "resolve", acting=alice, note=" ")
    with pytest.raises(NotFound):
        update_incident("inc_none", "resolve", acting=alice, note="Who?")

    incident.refresh_from_db()
    assert incident.status == "open"
    assert not AuditEvent.objects.filter(action="incident.updated").exists()
