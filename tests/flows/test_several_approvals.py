"""Levels, several approvals and delegation, through HTTP only."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Session, User
from tests.factories import SEED_POLICY, make_agent_token
from tests.flows.requests import URL, app_rows, create, etag, hold, problem, resolve
from tests.people import PASSWORD, make_person
from transactions.approvers.services.limits import set_approver_limit

pytestmark = pytest.mark.usefixtures("spacious_limits")
DELEGATIONS = "/api/v1/approval-delegations/"
LEVELS = [
    {"above": "500.00", "approvals": 2, "role": "manager"},
    {"above": "900.00", "approvals": 1, "role": "admin"},
]


@pytest.fixture
def shopper(agent, people, api, client_for):
    """The agent, for which two managers are asked above 500.00."""
    policy = {**SEED_POLICY, "approval_levels": LEVELS[:1]}
    answer = client_for(people.alice).put(f"/api/v1/agents/{agent.pk}/policy/", policy)
    assert answer.status_code == 200, answer.content
    return api(token=make_agent_token(agent, acting=people.alice))


@pytest.fixture
def second(people, client_for):
    return client_for(make_person("frank", User.Role.MANAGER, people.north))


def until(**after) -> str:
    return (timezone.now() + timedelta(**after)).isoformat()


def test_the_policy_tells_its_levels_and_all_that_is_wrong(agent, people, client_for):
    path = f"/api/v1/agents/{agent.pk}/policy/"
    admin = client_for(people.alice)

    answer = admin.put(path, {**SEED_POLICY, "approval_levels": LEVELS})
    assert problem(answer, 400, "invalid_request") == {
        ("/approval_levels/1", "level_weaker")
    }
    terms = {
        "approval_levels": LEVELS[:1],
        "approval_expires_after_minutes": 60,
        "approval_escalates_after_minutes": 15,
    }
    answer = admin.put(path, {**SEED_POLICY, **terms})
    assert answer.status_code == 200
    assert {name: admin.get(path).json()[name] for name in terms} == terms


def test_two_managers_approve_by_api(shopper, manager, second):
    body = create(shopper, amount="750.00").json()
    transaction_id = body["id"]
    assert body["approval"]["required_approvals"] == 2
    assert body["approval"]["required_role"] == "manager"
    assert (body["approval"]["approvals_given"], body["approval"]["escalates_at"]) == (
        0,
        None,
    )

    first = resolve(manager, transaction_id, "approve").json()
    assert (first["status"], first["approval"]["approvals_given"]) == (
        "pending_approval",
        1,
    )
    listed = manager.get(URL).json()["data"][0]
    assert listed["approval"] == first["approval"]
    assert shopper.get(f"{URL}{transaction_id}/").json() == first

    last = resolve(second, transaction_id, "approve").json()
    assert (last["status"], last["approval"]["approvals_given"]) == ("authorized", 2)


def test_k11_by_api_the_same_person_twice_is_409(shopper, manager):
    transaction_id = hold(shopper)
    resolve(manager, transaction_id, "approve")
    before = app_rows()

    response = resolve(manager, transaction_id, "approve")

    problem(response, 409, "already_approved")
    assert app_rows() == before


def test_k7_by_api_above_ones_own_limit_is_403(shopper, manager, people):
    set_approver_limit(people.bob, (1_00, "USD"), acting=people.alice)
    transaction_id = hold(shopper)
    before = app_rows()

    problem(resolve(manager, transaction_id, "approve"), 403, "above_own_limit")
    assert app_rows() == before
    assert resolve(manager, transaction_id, "deny").status_code == 200


def test_a_level_above_ones_role_is_403(shopper, manager, agent, give_policy):
    give_policy(agent, approval_levels=[LEVELS[1]])
    transaction_id = hold(shopper, amount="950.00")

    for verb in ("approve", "deny"):
        response = resolve(manager, transaction_id, verb)
        problem(response, 403, "level_above_role")


def test_a_delegate_sees_decides_and_loses_it_again(
    shopper, manager, people, client_for
):
    transaction_id = hold(shopper)
    eve = client_for(people.eve)
    problem(eve.get(f"{URL}{transaction_id}/"), 404, "not_found")
    body = {"delegate": people.eve.pk, "ends_at": until(days=3), "reason": "Away."}

    made = manager.post(DELEGATIONS, body)

    assert made.status_code == 201, made.content
    given = made.json()
    assert (given["object"], given["delegator"], given["delegate"]) == (
        "approval_delegation",
        people.bob.pk,
        people.eve.pk,
    )
    assert eve.get(DELEGATIONS).json()["data"] == [given]
    assert resolve(eve, transaction_id, "approve").status_code == 200
    # She sees what waits, and nothing else of that team.
    other = create(shopper, amount="20.00").json()["id"]
    problem(eve.get(f"{URL}{other}/"), 404, "not_found")
    assert eve.get(URL).json()["data"] == []

    ended = eve.post(f"{DELEGATIONS}{given['id']}/revoke/")
    assert ended.json()["revoked_at"] is not None
    problem(eve.post(f"{DELEGATIONS}{given['id']}/revoke/"), 409, "delegation_ended")
    problem(eve.get(f"{URL}{transaction_id}/"), 404, "not_found")
    shown = manager.get(f"{URL}{transaction_id}/").json()
    assert shown["status"] == "pending_approval"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"delegate": "usr_0"}, ("/delegate", "delegation_refused")),
        ({"ends_at": until(days=31)}, ("/ends_at", "delegation_refused")),
        ({"ends_at": "soon"}, ("/ends_at", "invalid")),
        ({"reason": " "}, ("/reason", "blank")),
        ({"more": 1}, ("/more", "unknown_field")),
    ],
)
def test_what_is_wrong_with_a_delegation_is_told(manager, people, change, told):
    body = {"delegate": people.eve.pk, "ends_at": until(days=3), "reason": "Away."}
    before = app_rows()

    response = manager.post(DELEGATIONS, body | change)

    assert response.status_code == 400
    errors = response.json()["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [told]
    assert app_rows() == before


def test_delegating_takes_a_fresh_proof(manager, people):
    body = {"delegate": people.eve.pk, "ends_at": until(days=3), "reason": "Away."}
    Session.objects.update(authenticated_at=timezone.now() - timedelta(minutes=6))

    problem(manager.post(DELEGATIONS, body), 403, "step_up_required")
    manager.post("/api/v1/auth/step-up/", {"password": PASSWORD})
    assert manager.post(DELEGATIONS, body).status_code == 201


def test_k14_an_agents_token_delegates_nothing(shopper, people):
    body = {"delegate": people.eve.pk, "ends_at": until(days=3), "reason": "Away."}

    problem(shopper.post(DELEGATIONS, body), 403, "permission_denied")
    problem(shopper.get(DELEGATIONS), 403, "permission_denied")


def test_the_etag_outlives_anothers_vote_but_not_a_policy(
    shopper, manager, second, agent, give_policy
):
    transaction_id = hold(shopper)
    seen = etag(second, transaction_id)
    resolve(manager, transaction_id, "approve")
    assert etag(second, transaction_id) == seen

    give_policy(agent, approval_levels=LEVELS[:1], daily_budget="5000.00")

    response = resolve(second, transaction_id, "approve", tag=seen)
    problem(response, 409, "approval_changed")
    shown = manager.get(f"{URL}{transaction_id}/").json()
    assert shown["approval"]["approvals_given"] == 0
