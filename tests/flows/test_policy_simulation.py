"""Simulating a draft policy over HTTP: the answer, its readers, and no change."""

from __future__ import annotations

import html
import json

import pytest
from django.test import Client
from django.urls import reverse

from agents.policy.core.policy import to_wire
from tests.browsing import sign_in
from tests.factories import SEED_POLICY, make_agent_token
from tests.flows.requests import problem
from tests.spending import events_since, everything, held, spend
from transactions.spending.models import Transaction

STRICTER = {**SEED_POLICY, "daily_budget": "460.00"}

pytestmark = pytest.mark.usefixtures("spacious_limits")


def address_of(agent):
    return f"/api/v1/agents/{agent.pk}/policy/simulate/"


@pytest.fixture
def browser_of():
    def make(person):
        client = Client()
        sign_in(client, person)
        return client

    return make


def test_c12_a_dry_run_tells_what_would_have_flipped_and_changes_nothing(
    agent, people, client_for
):
    spend(agent, "400.00")
    second = spend(agent, "61.00").body["id"]
    client, before = client_for(people.bob), everything()

    answer = client.post(address_of(agent), {"policy": STRICTER, "days": 7})

    assert answer.status_code == 200, answer.content
    body, row = answer.json(), Transaction.objects.get(pk=second)
    assert body.pop("since")
    assert body == {
        "agent": agent.pk,
        "days": 7,
        "is_cut": False,
        "judged": 2,
        "unjudged": 0,
        "flipped": 1,
        "totals": [
            {
                "recorded": "allow",
                "simulated": outcome,
                "currency": "USD",
                "count": 1,
                "amount": amount,
            }
            for outcome, amount in (("allow", "400.00"), ("deny", "61.00"))
        ],
        "examples": [
            {
                "transaction": second,
                "occurred_at": row.occurred_at.isoformat().replace("+00:00", "Z"),
                "merchant": "Amazon",
                "amount": "61.00",
                "currency": "USD",
                "recorded": "allow",
                "simulated": "deny",
                "reasons": [
                    {
                        "code": "daily_budget_exceeded",
                        "message": "61.00 USD exceeds what is left today: 60.00 USD.",
                    }
                ],
            }
        ],
    }
    [event] = events_since(before["AuditEvent"])
    assert (event.action, event.target_id) == ("policy.simulated", agent.pk)
    assert (event.actor_id, event.owner_id) == (people.bob.pk, agent.owner_id)
    assert event.details == {"days": 7, "requests": 2, "flipped": 1}
    assert {**everything(), "AuditEvent": 0} == {**before, "AuditEvent": 0}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {("/policy", "required")}),
        ({"policy": []}, {("/policy", "invalid")}),
        ({"policy": STRICTER, "days": 0}, {("/days", "min_value")}),
        ({"policy": STRICTER, "days": 91}, {("/days", "max_value")}),
        ({"policy": STRICTER, "more": 1}, {("/more", "unknown_field")}),
        ({"more": 1}, {("/more", "unknown_field"), ("/policy", "required")}),
        ({"policy": STRICTER, "days": "30"}, {("/days", "invalid")}),
        ({"policy": STRICTER, "days": 30.5}, {("/days", "invalid")}),
        (
            {"policy": {**STRICTER, "daily_budget": "x", "limit": 1}},
            {
                ("/policy/daily_budget", "amount_not_a_number"),
                ("/policy/limit", "unknown_field"),
            },
        ),
    ],
)
def test_all_that_is_wrong_is_told_with_its_place(
    agent, people, client_for, body, errors
):
    client, before = client_for(people.bob), everything()

    answer = client.post(address_of(agent), body)

    assert problem(answer, 400, "invalid_request") == errors
    assert everything() == before


def test_c2_whoever_may_not_see_the_agent_may_not_try_either(
    agent, people, client_for, api, browser_of
):
    token = make_agent_token(agent, acting=people.alice)
    before, body = everything(), {"policy": STRICTER}

    for person in (people.dave, people.eve):
        problem(client_for(person).post(address_of(agent), body), 404, "not_found")
    problem(api(token=token).post(address_of(agent), body), 403, "permission_denied")
    assert api().post(address_of(agent), body).status_code == 401
    page = reverse("transactions:policy-simulation", args=[agent.pk])
    assert browser_of(people.dave).get(page).status_code == 404
    assert {**everything(), "AuditEvent": 0} == {**before, "AuditEvent": 0}
    assert client_for(people.carol).post(address_of(agent), body).status_code == 200


def test_the_page_begins_with_the_policy_in_force_and_shows_what_would_flip(
    agent, people, browser_of
):
    spend(agent, "400.00")
    second = spend(agent, "61.00").body["id"]
    browser = browser_of(people.bob)
    page = reverse("transactions:policy-simulation", args=[agent.pk])
    link = f'href="{page}"'
    about = browser.get(reverse("agents:agent-detail", args=[agent.pk]))
    assert link in about.content.decode()

    shown = browser.get(page)
    draft = json.loads(shown.context["form"].initial["policy"])
    assert draft == to_wire(agent.policy_version.terms)
    before = everything()

    result = browser.post(page, {"policy": json.dumps(STRICTER), "days": "30"})

    text = result.content.decode()
    assert result.status_code == 200
    assert "1 of 2 requests would have had another outcome" in " ".join(text.split())
    assert reverse("transactions:transaction-detail", args=[second]) in text
    assert "Nothing was saved." in text
    [event] = events_since(before["AuditEvent"])
    assert event.action == "policy.simulated"
    assert {**everything(), "AuditEvent": 0} == {**before, "AuditEvent": 0}


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ('{\n "a": }', "This is not JSON: Expecting value at line 2, column 7."),
        ("[" * 100_000, "nested deeper than 32 levels"),
        ('{"currency": "USD", "currency": "EUR"}', "the same key twice"),
        (r'{"\ud800": 1}', "half of a surrogate pair"),
        (r'{"\u202e": 1}', "/⟦U+202E⟧: No such field."),
        ('{"a": [1e400]}', "/a/0: A number is out of range."),
        ("x" * 210_000, "at most 200000 characters"),
        ("[]", "A policy is a JSON object"),
        ('{"currency": 1}', "/max_transaction_amount:"),
        ("", "This field is required."),
    ],
)
def test_the_page_tells_what_is_wrong_and_keeps_what_was_written(
    agent, people, browser_of, policy, told
):
    page = reverse("transactions:policy-simulation", args=[agent.pk])
    browser = browser_of(people.bob)
    before = everything()

    result = browser.post(page, {"policy": policy, "days": "30"})

    assert result.status_code == 400
    assert told in html.unescape(result.content.decode())
    assert result.context["form"]["policy"].value() == policy
    assert everything() == before


def test_a_draft_beyond_all_measure_is_told_so(agent, people, browser_of):
    page = reverse("transactions:policy-simulation", args=[agent.pk])
    browser, before = browser_of(people.bob), everything()

    result = browser.post(page, {"policy": "x" * 300_000, "days": "30"})

    assert result.status_code == 413
    assert (
        "The body is too large. Nothing was changed by it." in result.content.decode()
    )
    assert everything() == before


def test_the_approval_page_shows_the_numbers_beside_the_decision(
    agent, people, browser_of, give_policy
):
    give_policy(agent, allowed_merchants=None)
    approval = held(agent, merchant="Target")
    give_policy(agent, allowed_merchants=["Amazon"])
    spend(agent, "20.00", merchant="Target")
    page = reverse("transactions:approval-detail", args=[approval.pk])

    text = " ".join(browser_of(people.bob).get(page).content.decode().split())

    assert "Always allow this merchant?" in text
    assert "<b>1 more request</b>" in text
    assert "of the 2 at this merchant." in text
