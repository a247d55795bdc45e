from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agents.models import Agent
from agents.services.agents import create_agent, lock_agent
from audit.base.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.locks.models import ResourceLock
from security.locks.queries import live_locks
from security.locks.services import lock_resource
from tests.factories import make_function


def url(agent: Agent, what: str) -> str:
    return f"/api/v1/agents/{agent.pk}/{what}/"


def test_a_manager_locks_and_security_staff_unlock(
    client_for: Any, alice: Any, bob: Any, shopping: Agent
) -> None:
    locked = client_for(bob).post(url(shopping, "lock"), {"reason": "Odd spending"})
    lock = ResourceLock.objects.get()

    assert (locked.status_code, locked.json()["is_locked"]) == (200, True)
    assert (lock.kind, lock.target_id, lock.reason) == (
        "agent",
        shopping.pk,
        "Odd spending",
    )
    assert (
        AuditEvent.objects.get(action="resource.locked").owner_id == shopping.owner_id
    )

    unlocked = client_for(alice).post(url(shopping, "unlock"), {"reason": "Explained"})

    assert (unlocked.status_code, unlocked.json()["is_locked"]) == (200, False)
    assert AuditEvent.objects.get(action="resource.unlocked").actor_id == alice.pk


def test_locking_twice_is_one_lock(bob: Any, shopping: Agent) -> None:
    lock_agent(shopping.pk, reason="One", acting=bob)
    lock_agent(shopping.pk, reason="Two", acting=bob)

    assert ResourceLock.objects.get().reason == "One"


def test_m7_an_owner_does_not_unlock_their_agent(
    client_for: Any, bob: Any, alice: Any
) -> None:
    own = create_agent("own", owner_id=alice.pk, acting=alice)
    lock_agent(own.pk, reason="Odd", acting=alice)

    answer = client_for(alice).post(url(own, "unlock"), {"reason": "Mine"})

    assert answer.status_code == 403
    assert answer.json()["detail"] == (
        "Another person must unlock what is yours, or runs under what you made."
    )
    assert live_locks("agent", own.pk).exists()


@pytest.fixture(params=["lock", "unlock"])
def unchanged(request: Any, bob: Any, shopping: Agent) -> Iterator[str]:
    """Lock or unlock, where there is something to unlock; neither may happen."""
    if request.param == "unlock":
        lock_agent(shopping.pk, reason="Odd", acting=bob)
    before = list(ResourceLock.objects.values())
    assert len(before) == (request.param == "unlock")
    yield request.param
    assert list(ResourceLock.objects.values()) == before


def test_a_reason_is_needed(
    client_for: Any, alice: Any, shopping: Agent, unchanged: str
) -> None:
    client = client_for(alice)

    for body in ({}, {"reason": ""}, {"reason": "  "}, {"reason": "x" * 501}):
        answer = client.post(url(shopping, unchanged), body)
        assert answer.status_code == 400
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/reason"]


def test_an_owner_may_not(
    client_for: Any, carol: Any, shopping: Agent, unchanged: str
) -> None:
    answer = client_for(carol).post(url(shopping, unchanged), {"reason": "x"})

    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_c2_a_foreign_agent_is_not_found(
    client_for: Any, eve: Any, shopping: Agent, unchanged: str
) -> None:
    answer = client_for(eve).post(url(shopping, unchanged), {"reason": "x"})

    assert answer.status_code == 404


def test_c9_permissions_are_asked_by_the_service(
    eve: Any, carol: Any, shopping: Agent
) -> None:
    with pytest.raises(NotFound):
        lock_agent(shopping.pk, reason="x", acting=eve)
    with pytest.raises(NotPermitted):
        lock_agent(shopping.pk, reason="x", acting=carol)


def test_a_function_and_a_merchant_can_be_stopped(alice: Any) -> None:
    make_function("transfer", acting=alice)

    lock_resource("function", "transfer", acting=alice, reason="Odd")
    lock_resource("merchant", "amazon", acting=alice, reason="Odd")

    assert ResourceLock.objects.count() == 2


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("agent", "agt_00000000000000000000000000"),
        ("function", "nothing"),
        ("merchant", "Amazon"),  # Not a key: such a lock would stop nothing.
    ],
)
def test_what_does_not_exist_is_not_stopped(alice: Any, kind: str, target: str) -> None:
    with pytest.raises(NotFound):
        lock_resource(kind, target, acting=alice, reason="Odd")

    assert not ResourceLock.objects.exists()
