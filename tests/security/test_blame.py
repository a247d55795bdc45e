"""The platform locks for what somebody did, and never itself out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import User
from audit.models import AuditEvent
from security.alerts.core.refusals import FORMS, OFFENCES, PROOFS, STEPS, Kind
from security.alerts.queries import metric_counts
from security.incidents.models import Incident, IncidentStep
from security.incidents.services import detect_incidents, respond_to_incidents
from security.locks.models import ResourceLock
from security.locks.services import lock_resource
from tests.factories import make_agent
from tests.people import make_person
from tests.security.happenings import NOW, as_principal, happen, is_refused

pytestmark = pytest.mark.django_db

JUST = NOW - timedelta(minutes=1)


def forbidden(person, times=6):
    is_refused(at=JUST, times=times, status=403, actor=person)
    detect_incidents(now=NOW)
    respond_to_incidents()


def test_nobody_is_locked_for_a_form_or_a_step_of_the_way(alice):
    for code in STEPS | FORMS:
        is_refused(at=JUST, times=2, code=code, actor=alice)
    is_refused(at=JUST, times=13, code="step_up_required", actor=alice)

    assert detect_incidents(now=NOW) == []
    assert metric_counts(since=JUST, until=NOW)["api_errors"] == 0


def failed_proofs(*kinds):
    return [
        (action, reason)
        for action, reasons in PROOFS.items()
        for reason, kind in reasons.items()
        if kind in kinds
    ]


def proof_fails(action, reason, *, actor, times):
    detail = "code" if action == "signature.refused" else "reason"
    happen(action, at=JUST, times=times, actor=actor, **{detail: reason})


@pytest.mark.parametrize(("action", "reason"), failed_proofs(Kind.FORM, Kind.STEP))
def test_nobody_is_locked_for_a_right_proof_that_comes_wrongly(people, action, reason):
    """A client without a component, a drifting clock, a credential that has expired."""
    agent = as_principal(make_agent(people.carol, acting=people.alice))
    proof_fails(action, reason, actor=agent, times=30)

    assert detect_incidents(now=NOW) == []
    assert metric_counts(since=JUST, until=NOW)["failed_logins"] == 0


@pytest.mark.parametrize(("action", "reason"), failed_proofs(Kind.OFFENCE))
def test_false_proofs_lock_the_agent_that_gives_them(people, action, reason):
    agent = make_agent(people.carol, acting=people.alice)
    proof_fails(action, reason, actor=as_principal(agent), times=5)
    assert detect_incidents(now=NOW) == []

    proof_fails(action, reason, actor=as_principal(agent), times=1)

    [incident] = detect_incidents(now=NOW)
    assert (incident.trigger, incident.value) == ("unauthorized_attempts", "6")
    respond_to_incidents()
    assert ResourceLock.objects.get().target_id == agent.pk


@pytest.mark.parametrize("code", sorted(OFFENCES))
def test_offences_count(alice, code):
    is_refused(at=JUST, times=5, code=code, actor=alice)
    assert detect_incidents(now=NOW) == []

    is_refused(at=JUST, code=code, actor=alice)

    [incident] = detect_incidents(now=NOW)
    assert (incident.trigger, incident.value) == ("unauthorized_attempts", "6")
    assert metric_counts(since=JUST, until=NOW)["api_errors"] == 6


def test_our_own_failures_lock_nobody_and_still_raise_the_alert(bob):
    happen("request.failed", at=JUST, times=30, status=503, actor=bob)

    assert detect_incidents(now=NOW) == []
    assert metric_counts(since=JUST, until=NOW)["api_errors"] == 30


def test_the_last_who_could_unlock_is_not_locked_by_the_platform(alice):
    forbidden(alice)

    assert Incident.objects.get().resource_id == alice.pk
    assert ResourceLock.objects.count() == 0
    step = IncidentStep.objects.get(name="lock")
    assert step.done_at is not None
    assert step.result.startswith("Not locked. Nobody else could release it")
    assert not AuditEvent.objects.filter(action="session.revoked").exists()


@pytest.mark.parametrize("kept_out", ["inactive", "locked", "without a password"])
def test_another_administrator_who_is_kept_out_is_no_help(alice, kept_out):
    other = make_person("olga", User.Role.ADMIN)
    match kept_out:
        case "inactive":
            User.objects.filter(pk=other.pk).update(is_active=False)
        case "locked":
            lock_resource("user", other.pk, acting=alice, reason="Odd.")
        case _:
            other.set_unusable_password()
            other.save(update_fields=["password"])

    forbidden(alice)

    assert Incident.objects.get().resource_id == alice.pk
    step = IncidentStep.objects.get(name="lock")
    assert step.result.startswith("Not locked. Nobody else could release it")
    assert not ResourceLock.objects.filter(target_id=alice.pk).exists()


def test_one_of_two_administrators_is_locked_and_the_second_then_not(alice):
    other = make_person("olga", User.Role.ADMIN)

    forbidden(alice)
    forbidden(other)

    assert ResourceLock.objects.get().target_id == alice.pk


def test_a_person_may_still_lock_the_last_administrator(alice, bob):
    lock_resource("user", alice.pk, acting=bob, reason="The account is stolen.")

    assert ResourceLock.objects.get().target_id == alice.pk
