from __future__ import annotations

from typing import Any

import pytest

from agents.errors import NameTaken
from agents.models import Agent
from agents.services.agents import update_agent
from audit.base.errors import NotFound
from audit.models import AuditEvent
from tests.factories import make_agent
from tests.people import make_person


def url(agent: Agent) -> str:
    return f"/api/v1/agents/{agent.pk}/"


def test_a_manager_renames_and_deactivates(
    client_for: Any, bob: Any, shopping: Agent
) -> None:
    answer = client_for(bob).patch(
        url(shopping), {"name": "buying", "is_active": False}
    )

    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["is_active"]) == ("buying", False)
    shopping.refresh_from_db()
    assert (shopping.name, shopping.is_active) == ("buying", False)
    event = AuditEvent.objects.get(action="agent.updated")
    assert event.details == {
        "changes": {"name": ["shopping", "buying"], "is_active": [True, False]}
    }
    assert event.owner_id == shopping.owner_id


def test_what_stays_the_same_is_no_event(bob: Any, shopping: Agent) -> None:
    update_agent(shopping.pk, name="shopping", acting=bob)
    update_agent(shopping.pk, acting=bob)

    assert not AuditEvent.objects.filter(action="agent.updated").exists()


def test_an_owner_sees_and_changes_nothing(
    client_for: Any, carol: Any, shopping: Agent
) -> None:
    answer = client_for(carol).patch(url(shopping), {"name": "mine"})

    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    shopping.refresh_from_db()
    assert shopping.name == "shopping"


def test_c2_a_foreign_manager_finds_nothing(
    client_for: Any, eve: Any, shopping: Agent
) -> None:
    assert client_for(eve).patch(url(shopping), {"name": "mine"}).status_code == 404

    with pytest.raises(NotFound):
        update_agent(shopping.pk, is_active=False, acting=eve)
    shopping.refresh_from_db()
    assert (shopping.name, shopping.is_active) == ("shopping", True)


@pytest.mark.parametrize(
    "field",
    ["id", "owner", "created_by", "mode", "policy_version", "created_at", "status"],
)
def test_c4_other_fields_are_refused_and_unchanged(
    client_for: Any, bob: Any, eve: Any, shopping: Agent, field: str
) -> None:
    before = Agent.objects.values().get(pk=shopping.pk)

    answer = client_for(bob).patch(url(shopping), {"name": "new", field: eve.pk})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == f"/{field}"
    assert Agent.objects.values().get(pk=shopping.pk) == before


def test_a_name_of_another_agent_is_taken(
    bob: Any, carol: Any, shopping: Agent
) -> None:
    make_agent(carol, acting=bob, name="travel")

    with pytest.raises(NameTaken):
        update_agent(shopping.pk, name="travel", acting=bob)

    shopping.refresh_from_db()
    assert shopping.name == "shopping"


def test_a_person_who_lost_the_permission_is_refused(bob: Any, shopping: Agent) -> None:
    bob.role = "user"

    with pytest.raises(NotFound):  # A user sees no agents but their own.
        update_agent(shopping.pk, is_active=False, acting=bob)

    shopping.refresh_from_db()
    assert shopping.is_active


def test_there_is_no_deleting(client_for: Any, alice: Any, shopping: Agent) -> None:
    assert client_for(alice).delete(url(shopping)).status_code == 405
    assert Agent.objects.filter(pk=shopping.pk).exists()


def test_an_owner_may_stop_an_agent_and_only_another_person_may_start_it(
    client_for: Any, alice: Any, bob: Any
) -> None:
    own = make_agent(bob, acting=alice)
    update_agent(own.pk, is_active=False, acting=bob)

    answer = client_for(bob).patch(url(own), {"name": "other", "is_active": True})

    assert (answer.status_code, answer.json()["code"]) == (403, "own_agent_refused")
    own.refresh_from_db()
    assert (own.name, own.is_active) == ("shopping", False)
    assert AuditEvent.objects.filter(action="agent.updated").count() == 1
    heidi = make_person("heidi", "admin")
    assert update_agent(own.pk, is_active=True, acting=heidi).is_active
