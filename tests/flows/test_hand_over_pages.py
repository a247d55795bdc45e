"""Handing an agent over, by API and by page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from security.changes.models import ChangeRequest
from tests.browsing import sign_in
from tests.flows.requests import app_rows, problem
from tests.people import make_person
from tests.transactions.sharing import share
from tests.transactions.test_standing import deactivate_owner

pytestmark = pytest.mark.usefixtures("spacious_limits")


@pytest.fixture
def heir(people):
    return make_person("heir", team=people.north)


@pytest.fixture
def frank(people):
    return make_person("frank", User.Role.MANAGER, team=people.north)


def browser_of(person) -> Client:
    browser = Client()
    sign_in(browser, person)
    return browser


def test_a_manager_asks_and_another_agrees_by_api(
    agent, manager, heir, frank, client_for
):
    deactivate_owner(agent)
    address = f"/api/v1/agents/{agent.pk}/hand-over/"

    asked = manager.post(address, {"owner": heir.pk, "reason": "She left."})

    assert asked.status_code == 202
    body = asked.json()
    assert (body["kind"], body["status"]) == ("agent_owner", "waiting")
    assert body["target"] == {"id": agent.pk, "label": "shopping"}
    approve = f"/api/v1/change-requests/{body['id']}/approve/"
    problem(manager.post(approve, {}), 403, "own_change")
    agreed = client_for(frank).post(approve, {})
    assert (agreed.status_code, agreed.json()["status"]) == (200, "approved")
    agents = manager.get("/api/v1/agents/", {"owner": heir.pk}).json()["data"]
    assert [each["id"] for each in agents] == [agent.pk]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"reason": "x"}, "required"),
        ({"owner": "usr_0"}, "required"),
        ({"owner": "usr_0", "reason": "x", "force": True}, "unknown_field"),
    ],
)
def test_a_malformed_request_to_hand_over_is_400(agent, manager, body, code):
    before = app_rows()

    response = manager.post(f"/api/v1/agents/{agent.pk}/hand-over/", body)

    assert response.status_code == 400
    assert [error["code"] for error in response.json()["errors"]] == [code]
    assert app_rows() == before


def test_handing_over_takes_a_fresh_proof(agent, manager, heir):
    Session.objects.update(authenticated_at=timezone.now() - timedelta(minutes=6))

    answer = manager.post(
        f"/api/v1/agents/{agent.pk}/hand-over/", {"owner": heir.pk, "reason": "x"}
    )

    problem(answer, 403, "step_up_required")
    assert not ChangeRequest.objects.exists()


def test_the_page_says_what_follows_team_budgets_among_it(
    agent, people, bob, heir, frank
):
    share(people.alice, 500_00, people.north)
    deactivate_owner(agent)
    browser = browser_of(bob)
    detail = browser.get(f"/agents/{agent.pk}/").content.decode()
    assert "Its owner is deactivated, so all its requests are denied." in detail
    assert "Owner deactivated" in browser.get("/agents/").content.decode()

    page = browser.get(f"/agents/{agent.pk}/hand-over/").content.decode()
    assert "counts in the budgets of the new owner’s team" in page
    assert "North, Day" in page
    assert "500.00" in page
    assert ">heir (North)" in page
    assert ">eve (" not in page
    answer = browser.post(
        f"/agents/{agent.pk}/hand-over/",
        {"owner": heir.pk, "reason": "She left."},
        follow=True,
    )

    change = ChangeRequest.objects.get()
    assert (change.kind, change.requested_by_id) == ("agent_owner", bob.pk)
    text = answer.content.decode()
    assert "Requested. A second person must approve it." in text
    assert "counts in the shared budgets of the new owner’s team" in text
    browser_of(frank).post(
        f"/change-requests/{change.pk}/", {"verdict": "approve", "reason": ""}
    )
    agent.refresh_from_db()
    assert agent.owner_id == heir.pk


def test_the_page_offers_nobody_else_and_says_why_it_did_not(agent, people, bob, heir):
    browser = browser_of(bob)
    address = f"/agents/{agent.pk}/hand-over/"
    before = app_rows()

    foreign = browser.post(address, {"owner": people.eve.pk, "reason": "x"})
    bare = browser.post(address, {"owner": heir.pk, "reason": ""})
    assert (foreign.status_code, bare.status_code) == (400, 400)
    assert browser_of(people.carol).get(address).status_code == 403
    assert browser_of(people.eve).get(address).status_code == 404

    assert app_rows() == before
