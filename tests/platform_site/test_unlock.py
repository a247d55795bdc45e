"""`manage.py unlock`: the way back in when nobody can sign in."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from audit.models import AuditEvent
from security.locks.models import ResourceLock
from security.locks.queries import live_locks
from security.locks.services import lock_resource
from tests.factories import make_agent


def unlock(*arguments: str) -> str:
    out = io.StringIO()
    call_command("unlock", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("spelled", ["ALICE", "id"])
def test_a_locked_administrator_is_let_in_and_the_log_says_who_and_why(
    alice, bob, spelled
):
    lock_resource("user", alice.pk, acting=bob, reason="Odd.")
    assert f"user {alice.pk}" in unlock()

    unlock("user", alice.pk if spelled == "id" else spelled, "--reason", "A mistake.")

    assert ResourceLock.objects.get().released_by == "unlock"
    event = AuditEvent.objects.get(action="resource.unlocked")
    assert (event.actor_kind, event.actor_label) == ("system", "unlock")
    assert (event.target_id, event.details["reason"]) == (alice.pk, "A mistake.")
    assert unlock() == ""


def test_an_agent_goes_by_its_name(alice, bob):
    agent = make_agent(bob, acting=alice)
    lock_resource("agent", agent.pk, acting=bob, reason="Odd.")
    # As one that was kept before such characters were refused.
    ResourceLock.objects.update(reason="Odd.\u202e")
    assert f"agent {agent.pk} (shopping)  since" in unlock()
    assert "Odd.⟦U+202E⟧" in unlock()

    unlock("agent", "shopping", "--reason", "A mistake.")

    assert ResourceLock.objects.get().released_by == "unlock"


def test_of_two_agents_of_one_name_the_locked_one_is_meant(alice, bob):
    agents = [make_agent(owner, acting=alice) for owner in (alice, bob)]
    lock_resource("agent", agents[0].pk, acting=bob, reason="Odd.")
    unlock("agent", "shopping", "--reason", "A mistake.")
    assert not live_locks()

    for agent in agents:
        lock_resource("agent", agent.pk, acting=bob, reason="Odd.")
    with pytest.raises(CommandError, match="Several agents have that name: agt_"):
        unlock("agent", "shopping", "--reason", "A mistake.")
    assert len(live_locks()) == 2


def test_the_global_stop_takes_no_target(alice):
    lock_resource("everything", "", acting=alice, reason="Odd.")

    assert unlock("everything", "--reason", "Over.") == "Released: everything.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("user", "alice"), "Say why"),
        (("user", "alice", "--reason", "Why not."), "not locked"),
        (("user", "zoe", "--reason", "Why not."), "Nothing was changed"),
        (("everything", "all", "--reason", "Why not."), "takes no target"),
    ],
)
def test_what_cannot_be_unlocked_changes_nothing(alice, bob, arguments, message):
    lock_resource("user", bob.pk, acting=alice, reason="Odd.")

    with pytest.raises(CommandError, match=message):
        unlock(*arguments)

    assert ResourceLock.objects.get().released_at is None
    assert not AuditEvent.objects.filter(action="resource.unlocked").exists()
