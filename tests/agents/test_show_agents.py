from __future__ import annotations

from typing import Any

import pytest
from django.test import TestCase

from agents.models import Agent
from agents.queries import agents_visible_to
from tests.factories import make_agent

URL = "/api/v1/agents/"


def seen_by(client: Any, query: str = "") -> list[str]:
    answer = client.get(URL + query)
    assert answer.status_code == 200, answer.content
    return [agent["id"] for agent in answer.json()["data"]]


def test_each_sees_their_own_the_teams_or_all(
    client_for: Any, people: Any, shopping: Agent
) -> None:
    daves = make_agent(people.dave, acting=people.alice)

    assert seen_by(client_for(people.alice)) == [daves.pk, shopping.pk]
    assert seen_by(client_for(people.bob)) == [shopping.pk]
    assert seen_by(client_for(people.carol)) == [shopping.pk]
    assert seen_by(client_for(people.dave)) == [daves.pk]
    assert seen_by(client_for(people.eve)) == []


def test_c2_a_foreign_agent_is_not_found_and_neither_is_none(
    client_for: Any, eve: Any, shopping: Agent
) -> None:
    foreign = client_for(eve).get(f"{URL}{shopping.pk}/")
    missing = client_for(eve).get(f"{URL}agt_00000000000000000000000000/")

    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert foreign.json()["code"] == missing.json()["code"] == "not_found"
    assert foreign.json()["detail"] == missing.json()["detail"]


def test_an_agent_shows_its_state(client_for: Any, carol: Any, shopping: Agent) -> None:
    answer = client_for(carol).get(f"{URL}{shopping.pk}/")

    assert answer.status_code == 200
    assert answer.json()["policy_version"] == 1
    assert answer.json()["is_locked"] is False
    assert answer.json()["is_active"] is True


def test_a_list_can_be_filtered(client_for: Any, people: Any, shopping: Agent) -> None:
    trial = make_agent(people.carol, acting=people.bob, name="trial", mode="test")
    client = client_for(people.bob)

    assert seen_by(client, "?mode=test") == [trial.pk]
    assert seen_by(client, "?name=shopping") == [shopping.pk]
    assert seen_by(client, f"?owner={people.carol.pk}") == [trial.pk, shopping.pk]
    assert seen_by(client, "?is_active=false") == []


def test_c10_a_filter_tells_nothing_of_other_owners(
    client_for: Any, people: Any, shopping: Agent
) -> None:
    client = client_for(people.eve)

    assert seen_by(client, f"?owner={people.carol.pk}") == []
    assert seen_by(client, "?owner=usr_nobody") == []


@pytest.mark.parametrize("query", ["?owner__password=x", "?secret_hash=x", "?q=1"])
def test_c5_an_unknown_filter_is_refused(client_for: Any, bob: Any, query: str) -> None:
    assert client_for(bob).get(URL + query).status_code == 400


def test_a_list_costs_the_same_however_long(client_for: Any, people: Any) -> None:
    client = client_for(people.bob)
    for number in range(3):
        make_agent(people.carol, acting=people.bob, name=f"agent {number}")

    with TestCase().assertNumQueries(2):  # The session, the page.
        assert len(seen_by(client)) == 3


def test_c11_an_agents_token_lists_no_agents(
    api: Any, bob: Any, shopping: Agent, agent_token: str
) -> None:
    assert api(token=agent_token).get(URL).status_code == 403
    assert api(token=agent_token).get(f"{URL}{shopping.pk}/").status_code == 403


def test_a_deactivated_person_sees_nothing(bob: Any, shopping: Agent) -> None:
    assert agents_visible_to(bob).exists()
    bob.is_active = False

    assert not agents_visible_to(bob).exists()
