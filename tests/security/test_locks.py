"""A lock is placed once, is recorded, and is released by permission."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from audit.base.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.errors import NotLocked, ReasonMissing, StepUpRequired, TargetRefused
from security.locks.models import ResourceLock
from security.locks.services import lock_resource, unlock_resource
from tests.browsing import sign_in
from tests.factories import make_agent
from tests.people import PASSWORD
from tests.security.happenings import as_principal

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(carol, bob):
    """carol's, made by bob, so that alice may unlock it."""
    return make_agent(carol, acting=bob)


def test_locking_twice_is_locking_once(agent, alice, bob):
    first = lock_resource("agent", agent.pk, acting=alice, reason="Odd.")
    second = lock_resource("agent", agent.pk, acting=bob, reason="Odd too.")

    assert first.pk == second.pk
    assert AuditEvent.objects.filter(action="resource.locked").count() == 1


def test_unlocking_takes_a_fresh_proof_and_locking_none(agent, alice):
    alice.authenticated_at = timezone.now() - timedelta(minutes=6)
    lock = lock_resource("agent", agent.pk, acting=alice, reason="Odd.")

    with pytest.raises(StepUpRequired):
        unlock_resource("agent", agent.pk, acting=alice, reason="Fine.")

    lock.refresh_from_db()
    assert lock.released_at is None
    assert not AuditEvent.objects.filter(action="resource.unlocked").exists()


def test_unlocking_takes_the_permission_a_reason_and_another_person(agent, alice, bob):
    lock_resource("agent", agent.pk, acting=alice, reason="Odd.")
    own = make_agent(alice, acting=alice, name="own", policy=None)
    lock_resource("agent", own.pk, acting=bob, reason="Odd.")

    for target, who, reason, error in (
        (agent, bob, "Fine.", NotPermitted),
        (agent, as_principal(agent), "Fine.", StepUpRequired),
        (agent, alice, "", ReasonMissing),
        (own, alice, "Fine.", NotPermitted),
    ):
        with pytest.raises(error):
            unlock_resource("agent", target.pk, acting=who, reason=reason)
    assert ResourceLock.objects.filter(released_at=None).count() == 2

    unlock_resource("agent", agent.pk, acting=alice, reason="A false alarm.")
    with pytest.raises(NotLocked):
        unlock_resource("agent", agent.pk, acting=alice, reason="A false alarm.")
    released = ResourceLock.objects.get(target_id=agent.pk)
    assert (released.released_by, released.release_reason) == (
        "alice",
        "A false alarm.",
    )
    event = AuditEvent.objects.get(action="resource.unlocked")
    assert event.details["reason"] == "A false alarm."


def test_a_resource_that_does_not_exist_cannot_be_locked(alice):
    with pytest.raises(NotFound):
        lock_resource("agent", "agt_none", acting=alice, reason="Odd.")
    with pytest.raises(NotFound):
        lock_resource("planet", "mars", acting=alice, reason="Odd.")
    assert ResourceLock.objects.count() == 0


def test_m4_a_locked_person_is_signed_out_and_cannot_sign_in(
    api, client_for, carol, alice
):
    client = client_for(carol)
    assert client.get("/api/v1/me/").status_code == 200

    lock_resource("user", carol.pk, acting=alice, reason="Odd.")

    assert client.get("/api/v1/me/").status_code == 401
    password = {"username": "carol", "password": PASSWORD}
    assert api().post("/api/v1/auth/token/", password).status_code == 401
    unlock_resource("user", carol.pk, acting=alice, reason="A false alarm.")
    assert api().post("/api/v1/auth/token/", password).status_code == 200


def test_a_person_who_does_not_exist_cannot_be_locked(alice):
    with pytest.raises(NotFound):
        lock_resource("user", "usr_none", acting=alice, reason="Odd.")
    assert ResourceLock.objects.count() == 0


@pytest.mark.parametrize(
    ("kind", "target"), [("everything", "all agents"), ("agent", ""), ("merchant", "")]
)
def test_a_lock_that_would_stop_nothing_is_refused(alice, kind, target):
    with pytest.raises(TargetRefused):
        lock_resource(kind, target, acting=alice, reason="Stop.")
    with pytest.raises(IntegrityError, match="all_but_everything_has_a_target"):
        ResourceLock.objects.create(kind=kind, target_id=target, reason="Stop.")


def test_the_console_refuses_a_target_for_everything_and_takes_none(alice):
    client = Client()
    sign_in(client, alice)
    page = "/admin/security/resourcelock/add/"
    form = {"kind": "everything", "reason": "Stop."}

    refused = client.post(page, {**form, "target_id": "all agents"})
    assert refused.status_code == 200
    assert b"takes no target" in refused.content
    assert ResourceLock.objects.count() == 0

    assert client.post(page, {**form, "target_id": ""}).status_code == 302
    assert ResourceLock.objects.get().kind == "everything"


def test_a_card_number_in_a_reason_is_kept_nowhere(agent, alice):
    reason = "Paid with 4111 1111 1111 1111."
    lock_resource("agent", agent.pk, acting=alice, reason=reason)
    lock = unlock_resource("agent", agent.pk, acting=alice, reason=reason)

    lock.refresh_from_db()
    assert lock.reason == lock.release_reason == "Paid with ****1111."
