from __future__ import annotations

from typing import Any

import pytest

from agents.errors import NameTaken, OwnerRefused
from agents.models import Agent
from agents.services.agents import create_agent
from audit.base.errors import NotPermitted
from audit.models import AuditEvent

URL = "/api/v1/agents/"


def test_a_manager_makes_an_agent_for_a_member_of_the_team(
    client_for: Any, bob: Any, carol: Any
) -> None:
    answer = client_for(bob).post(URL, {"name": "shopping", "owner": carol.pk})

    assert answer.status_code == 201, answer.content
    agent = Agent.objects.get()
    assert answer.json() == {
        "id": agent.pk,
        "object": "agent",
        "name": "shopping",
        "mode": "live",
        "owner": carol.pk,
        "created_by": bob.pk,
        "is_active": True,
        "is_locked": False,
        "policy_version": None,
        "created_at": answer.json()["created_at"],
    }
    assert agent.pk.startswith("agt_")


def test_making_an_agent_is_audited(bob: Any, carol: Any) -> None:
    agent = create_agent("shopping", owner_id=carol.pk, acting=bob)

    event = AuditEvent.objects.get(action="agent.created")
    assert event.details == {"mode": "live", "owner": "carol"}
    assert (event.actor_id, event.target_id, event.owner_id) == (
        bob.pk,
        agent.pk,
        carol.pk,
    )


def test_an_agent_is_ones_own_unless_an_owner_is_given(
    client_for: Any, bob: Any
) -> None:
    answer = client_for(bob).post(URL, {"name": "mine", "mode": "test"})

    assert answer.status_code == 201
    assert answer.json()["owner"] == bob.pk
    assert answer.json()["mode"] == "test"


def test_a_user_makes_none(client_for: Any, carol: Any) -> None:
    answer = client_for(carol).post(URL, {"name": "shopping"})

    assert answer.status_code == 403
    assert answer.json()["code"] == "permission_denied"
    assert not Agent.objects.exists()
    with pytest.raises(NotPermitted):
        create_agent("shopping", owner_id=carol.pk, acting=carol)


def test_c2_an_owner_of_another_team_is_unknown(
    client_for: Any, eve: Any, carol: Any
) -> None:
    answer = client_for(eve).post(URL, {"name": "shopping", "owner": carol.pk})

    assert answer.status_code == 400
    assert answer.json()["code"] == "owner_unknown"
    assert answer.json()["errors"][0]["pointer"] == "/owner"
    assert not Agent.objects.exists()


def test_an_inactive_owner_is_refused(bob: Any, carol: Any) -> None:
    carol.is_active = False
    carol.save(update_fields=["is_active"])

    with pytest.raises(OwnerRefused):
        create_agent("shopping", owner_id=carol.pk, acting=bob)

    assert not Agent.objects.exists()


def test_an_owner_has_a_name_once(bob: Any, carol: Any) -> None:
    create_agent("shopping", owner_id=carol.pk, acting=bob)
    create_agent("shopping", owner_id=bob.pk, acting=bob)

    with pytest.raises(NameTaken):
        create_agent("shopping", owner_id=carol.pk, acting=bob)

    assert Agent.objects.count() == 2
    assert AuditEvent.objects.filter(action="agent.created").count() == 2


@pytest.mark.parametrize(
    "field",
    ["id", "is_active", "created_by", "created_at", "policy_version", "is_locked", "x"],
)
def test_c4_a_field_that_is_not_ones_to_set_is_refused(
    client_for: Any, bob: Any, field: str
) -> None:
    answer = client_for(bob).post(URL, {"name": "shopping", field: "1"})

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (f"/{field}", "unknown_field")
    assert error["allowed"] == ["mode", "name", "owner"]
    assert not Agent.objects.exists()


UNREADABLE = [
    *("a\rb", "a\nb", "a\tb", "a\x1b[31mb", "a\u202eb", "a\u200bb", "a\u2028b"),
    *("a\u3164b", "a\U000e0041b", "\u00ad"),
]


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_name_that_does_not_read_as_it_is_stored_is_refused(
    client_for: Any, bob: Any, agent: Any, name: str
) -> None:
    client, before = client_for(bob), list(Agent.objects.values())

    made = client.post(URL, {"name": name})
    renamed = client.patch(f"{URL}{agent.pk}/", {"name": name})

    for answer in (made, renamed):
        assert (answer.status_code, answer.json()["code"]) == (400, "name_refused")
        assert answer.json()["errors"][0]["pointer"] == "/name"
    assert list(Agent.objects.values()) == before


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/name", "required"),
        ({"name": ""}, "/name", "blank"),
        ({"name": "x" * 101}, "/name", "max_length"),
        ({"name": "x", "mode": "x"}, "/mode", "invalid_choice"),
        ([], "", "invalid"),
    ],
)
def test_a_malformed_body_is_refused(
    client_for: Any, bob: Any, body: Any, pointer: str, code: str
) -> None:
    answer = client_for(bob).post(URL, body)

    assert answer.status_code == 400
    errors = [(error["pointer"], error["code"]) for error in answer.json()["errors"]]
    assert errors == [(pointer, code)]
    assert not Agent.objects.exists()


def test_nobody_makes_an_agent_without_signing_in(api: Any) -> None:
    assert api().post(URL, {"name": "x"}).status_code == 401


def test_e5_a_name_is_stored_as_it_was_written(client_for: Any, bob: Any) -> None:
    name = "{0.__class__} %n '; DROP TABLE agents_agent; -- <script>"

    answer = client_for(bob).post(URL, {"name": name})

    assert answer.json()["name"] == name
    assert Agent.objects.get().name == name
