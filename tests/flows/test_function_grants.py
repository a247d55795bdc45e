"""Functions that do anything but read take a second person to allow (C15)."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import Agent, FunctionVersion
from agents.policy.core.draft import parse_terms
from agents.services.functions import add_function_version
from security.changes.models import ChangeRequest
from security.changes.services import approve_change
from tests.factories import TRANSFER_SCHEMA, give_terms, make_agent, make_function
from tests.flows.requests import numbers, problem
from tests.people import People, make_person

pytestmark = pytest.mark.usefixtures("spacious_limits")

# No money at all, so that only its functions count.
SMALL = {
    "max_transaction_amount": "1.00",
    "requires_approval_above": "0.00",
    "daily_budget": "1.00",
    "allowed_merchants": [],
    "blocked_categories": [],
}
GRANTED = [
    (["look"], 200),
    ([], 200),
    (["write_it"], 202),
    (["send_it"], 202),
    (["admin_it"], 202),
    (["look", "send_it"], 202),
    (["unknown_yet"], 202),
    (None, 200),
]


@pytest.fixture(autouse=True)
def registered(people: People) -> None:
    make_function("look", acting=people.alice, effect="read")
    for effect in ("write", "send", "admin"):
        make_function(f"{effect}_it", acting=people.alice, effect=effect)


def policy_of(agent: Agent) -> str:
    return f"/api/v1/agents/{agent.pk}/policy/"


def in_use(people: People, *names: str, **made: Any) -> Agent:
    """Return an agent whose policy in force allows these functions."""
    agent = make_agent(people.carol, acting=people.bob, policy=None, **made)
    terms = parse_terms({**SMALL, "allowed_functions": list(names)})
    give_terms(agent, terms, acting=people.bob)
    return agent


@pytest.mark.parametrize("who", ["alice", "bob"])
@pytest.mark.parametrize(("functions", "status"), GRANTED)
def test_c15_a_first_policy_grants_alone_only_functions_that_read(
    people, client_for, who, functions, status
):
    agent = make_agent(people.carol, acting=people.alice, policy=None)
    terms = {**SMALL, "allowed_functions": functions}

    answer = client_for(getattr(people, who)).put(policy_of(agent), terms)

    assert answer.status_code == status, answer.content
    assert numbers(agent) == ([1] if status == 200 else [])
    assert ChangeRequest.objects.count() == (status == 202)


def test_c15_a_second_person_grants_them(people, bob, client_for):
    agent = make_agent(people.carol, acting=people.alice, policy=None)
    terms = {**SMALL, "allowed_functions": ["send_it"]}
    asked = client_for(bob).put(policy_of(agent), terms)

    approve_change(asked.json()["id"], acting=make_person("heidi", "admin"))

    agent.refresh_from_db()
    assert agent.policy_version.terms.allowed_functions == ("send_it",)
    # What is granted already is no grant: stricter terms are in force at once.
    stricter = {**terms, "max_transaction_amount": "0.50", "daily_budget": "0.50"}
    assert client_for(bob).put(policy_of(agent), stricter).status_code == 200


def test_c15_to_name_a_function_after_null_grants_it(people, bob, client_for):
    """Null let pass what only reads."""
    agent = make_agent(people.carol, acting=people.alice, policy=None)
    give_terms(
        agent, parse_terms({**SMALL, "allowed_functions": None}), acting=people.bob
    )
    terms = {**SMALL, "allowed_functions": ["send_it"]}

    assert client_for(bob).put(policy_of(agent), terms).status_code == 202
    assert numbers(agent) == [1]


def test_c15_a_test_agent_is_exempt_for_functions_too(people, bob, client_for):
    agent = make_agent(people.carol, acting=people.alice, policy=None, mode="test")
    terms = {**SMALL, "allowed_functions": None}

    assert client_for(bob).put(policy_of(agent), terms).status_code == 200
    assert numbers(agent) == [1]


@pytest.mark.parametrize(
    ("name", "effect"),
    [("look", "write"), ("look", "send"), ("write_it", "send"), ("send_it", "admin")],
)
def test_c15_what_live_policies_name_does_no_more_than_it_did(
    people, alice, client_for, name, effect
):
    in_use(people, name)
    body = {"schema": TRANSFER_SCHEMA, "effect": effect}

    answer = client_for(alice).post(f"/api/v1/functions/{name}/versions/", body)

    problem(answer, 409, "function_in_use")
    assert FunctionVersion.objects.filter(function__name=name).count() == 1


def test_c15_it_may_do_less_and_what_nobody_names_may_do_more(people, alice):
    in_use(people, "send_it")
    in_use(people, "look", mode="test", name="a test agent")
    earlier = in_use(people, "write_it", name="no longer")
    give_terms(earlier, parse_terms(SMALL), acting=people.bob)

    for name, effect in (("send_it", "read"), ("look", "send"), ("write_it", "admin")):
        version = add_function_version(
            name, schema=TRANSFER_SCHEMA, effect=effect, acting=alice
        )
        assert (version.number, version.effect) == (2, effect)
