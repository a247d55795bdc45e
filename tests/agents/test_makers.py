"""Makers of what an agent runs under neither unlock nor reactivate it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import User
from accounts.services.people import create_user
from agents.errors import OwnAgentRefused
from agents.models import Agent, AgentCredential
from agents.policy.core.draft import parse_terms
from agents.services.agents import lock_agent, unlock_agent, update_agent
from agents.services.credentials import revoke_credential
from audit.base.errors import NotPermitted
from security.incidents.models import Incident
from security.incidents.services import update_incident
from security.locks.models import ResourceLock
from security.locks.services import unlock_resource
from tests.factories import SEED_POLICY, give_terms, make_agent, make_credential
from tests.people import People, make_person

MADE = ["owner", "creator", "policy", "credential", "revoked credential"]


@pytest.fixture
def heidi(people: People) -> User:
    """A second administrator."""
    return make_person("heidi", "admin")


def agent_with(what: str, by: User, people: People) -> Agent:
    """Return an agent of which `by` made one thing, and grace all the rest."""
    grace = make_person("grace", "admin")
    who = dict.fromkeys(MADE, grace) | {what: by}
    owner = by if what == "owner" else people.carol
    agent = make_agent(owner, acting=who["creator"], name="theirs", policy=None)
    give_terms(agent, parse_terms(SEED_POLICY), acting=who["policy"])
    if what == "revoked credential":
        credential = make_credential(agent, acting=by)
        revoke_credential(agent.pk, credential.id, acting=by)
    make_credential(agent, acting=who["credential"])
    return agent


@pytest.mark.parametrize("what", MADE)
def test_m7_nobody_unlocks_what_runs_under_what_they_made(
    people: People, alice: User, heidi: User, what: str
):
    agent = agent_with(what, alice, people)
    lock_agent(agent.pk, reason="Abuse.", acting=heidi)

    with pytest.raises(NotPermitted, match="what you made"):
        unlock_agent(agent.pk, reason="Mine.", acting=alice)
    with pytest.raises(NotPermitted):
        unlock_resource("agent", agent.pk, acting=alice, reason="Mine.")

    assert ResourceLock.objects.get().released_at is None
    unlock_agent(agent.pk, reason="Looked at.", acting=heidi)
    assert ResourceLock.objects.get().released_at is not None


@pytest.mark.parametrize("what", MADE)
def test_m7_nobody_reactivates_what_runs_under_what_they_made(
    people: People, alice: User, heidi: User, what: str
):
    agent = agent_with(what, alice, people)
    update_agent(agent.pk, is_active=False, acting=heidi)

    with pytest.raises(OwnAgentRefused):
        update_agent(agent.pk, is_active=True, acting=alice)

    agent.refresh_from_db()
    assert not agent.is_active
    assert update_agent(agent.pk, is_active=True, acting=heidi).is_active


def test_m7_nor_a_manager_who_made_it_for_another_owner(
    people: People, bob: User, heidi: User
):
    agent = make_agent(people.carol, acting=bob, name="bobs in all but name")
    update_agent(agent.pk, is_active=False, acting=heidi)

    with pytest.raises(OwnAgentRefused):
        update_agent(agent.pk, is_active=True, acting=bob)

    agent.refresh_from_db()
    assert not agent.is_active


def test_m7_nor_by_an_account_that_a_maker_made(
    people: People, alice: User, heidi: User
):
    agent = agent_with("policy", alice, people)
    lock_agent(agent.pk, reason="Abuse.", acting=heidi)
    puppet = create_user(username="puppet", role="admin", acting=alice)
    puppet.authenticated_at = timezone.now()

    with pytest.raises(NotPermitted, match="what you made"):
        unlock_agent(agent.pk, reason="Mine.", acting=puppet)

    assert ResourceLock.objects.get().released_at is None


def test_m7_nor_do_they_end_an_incident_about_it(
    people: People, alice: User, heidi: User
):
    agent = agent_with("credential", alice, people)
    incident = Incident.objects.create(
        trigger="risk",
        value="1",
        resource_kind="agent",
        resource_id=agent.pk,
        resource_label=agent.name,
        owner_id=agent.owner_id,
        source_event_id=1,
        opened_at=timezone.now(),
    )

    with pytest.raises(NotPermitted, match="what you made"):
        update_incident(incident.pk, "resolve", acting=alice, note="Nothing.")

    incident.refresh_from_db()
    assert incident.status == "open"
    update_incident(incident.pk, "resolve", acting=heidi, note="Looked at.")


def test_m7_what_it_no_longer_runs_under_bars_nobody(
    people: People, alice: User, heidi: User
):
    agent = agent_with("policy", alice, people)
    expired = make_credential(agent, acting=alice)
    AgentCredential.objects.filter(pk=expired.id).update(
        expires_at=timezone.now() - timedelta(seconds=1)
    )
    give_terms(agent, parse_terms(SEED_POLICY), acting=heidi)
    frank = make_person("frank", "admin")
    lock_agent(agent.pk, reason="Abuse.", acting=frank)

    unlock_agent(agent.pk, reason="Looked at.", acting=alice)

    assert ResourceLock.objects.get().released_by == "alice"


def test_m7_without_four_eyes_one_person_unlocks_all(
    people: People, alice: User, settings: Settings
):
    agent = make_agent(alice, acting=alice)
    lock_agent(agent.pk, reason="Stop.", acting=alice)
    update_agent(agent.pk, is_active=False, acting=alice)
    settings.FOUR_EYES = False

    unlock_agent(agent.pk, reason="Go.", acting=alice)
    update_agent(agent.pk, is_active=True, acting=alice)

    agent.refresh_from_db()
    assert agent.is_active
