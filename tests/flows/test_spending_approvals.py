"""Approving, denying and canceling by API."""

from __future__ import annotations

import pytest

from accounts.services.people import update_user
from audit.models import AuditEvent
from tests.flows.requests import URL, app_rows, create, etag, hold, problem, resolve
from transactions.spending.models import Transaction

pytestmark = pytest.mark.usefixtures("spacious_limits")


def test_a_manager_approves_by_api(shopper, manager):
    transaction_id = hold(shopper)

    response = resolve(manager, transaction_id, "approve")

    body = response.json()
    assert response.status_code == 200
    assert (body["status"], body["outcome"]) == ("authorized", "hold")
    assert body["approval"]["status"] == "approved"
    assert shopper.get(f"{URL}{transaction_id}/").json() == body


def test_a_manager_denies_by_api_and_must_say_why(shopper, manager):
    transaction_id = hold(shopper)

    for reason in ("", "   "):
        response = resolve(manager, transaction_id, "deny", reason)
        assert problem(response, 400, "invalid_request") == {("/reason", "blank")}
    body = resolve(manager, transaction_id, "deny").json()

    assert (body["status"], body["approval"]["status"]) == ("declined", "denied")


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_the_etag_that_was_seen_is_obligatory_and_must_fit(shopper, manager, verb):
    transaction_id = hold(shopper)
    path = f"{URL}{transaction_id}/{verb}/"
    before = app_rows()

    problem(manager.post(path, {"reason": "r"}), 428, "if_match_required")
    for tag in ('"old"', "*", 'W/"old"', "ж"):
        response = resolve(manager, transaction_id, verb, tag=tag)
        problem(response, 409, "approval_changed")
    assert app_rows() == before


@pytest.mark.parametrize("form", ["W/{}", '"old", {}', 'W/{} , "new"'])
def test_the_etag_is_read_as_a_proxy_and_a_list_write_it(shopper, manager, form):
    transaction_id = hold(shopper)
    tag = form.format(etag(manager, transaction_id))

    assert resolve(manager, transaction_id, "approve", tag=tag).status_code == 200


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_k2_k4_what_is_resolved_is_409(shopper, manager, verb):
    transaction_id = hold(shopper)
    tag = etag(manager, transaction_id)
    resolve(manager, transaction_id, "approve", tag=tag)

    problem(resolve(manager, transaction_id, verb, tag=tag), 409, "approval_resolved")


def test_k4_what_was_never_held_is_409(shopper, manager):
    for amount in (10, 2000):
        transaction_id = create(shopper, amount=amount).json()["id"]
        response = resolve(manager, transaction_id, "approve", tag='"x"')
        problem(response, 409, "invalid_state")


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_who_may_not_approve(shopper, people, client_for, api, verb):
    transaction_id = hold(shopper)
    tag = etag(client_for(people.bob), transaction_id)
    before = app_rows()

    for client, status, code in (
        (api(), 401, "not_authenticated"),
        (client_for(people.carol), 403, "permission_denied"),  # A user, and the owner.
        (client_for(people.dave), 403, "permission_denied"),
        (client_for(people.eve), 404, "not_found"),  # Another team's manager.
        (client_for(people.alice), 403, "not_allowed_to_approve"),  # Made the agent.
        (shopper, 403, "permission_denied"),  # K14: the agent itself.
    ):
        response = resolve(client, transaction_id, verb, tag=tag)
        problem(response, status, code)
    assert app_rows() == before


def test_k6_a_manager_who_lost_the_role_is_refused_at_once(shopper, people, client_for):
    transaction_id = hold(shopper)
    client = client_for(people.bob)
    tag = etag(client, transaction_id)
    update_user(user=people.bob, role="user", acting=people.alice)

    response = resolve(client, transaction_id, "approve", tag=tag)

    problem(response, 401, "token_ended")  # Whose role changes signs in again.
    assert Transaction.objects.get().status == "pending_approval"


def test_m6_still_refused_tells_why(shopper, manager, agent, give_policy):
    transaction_id = hold(shopper)
    give_policy(agent, max_transaction_amount="700.00")

    response = resolve(manager, transaction_id, "approve")

    problem(response, 409, "still_refused")
    assert response.json()["detail"] == (
        "750.00 USD is above the maximum of 700.00 USD."
    )
    assert manager.get(f"{URL}{transaction_id}/").json()["status"] == "pending_approval"


def test_c11_k13_only_post_does_anything_and_people_do_not_spend(
    shopper, manager, people, client_for
):
    transaction_id = hold(shopper)
    before = app_rows()

    for verb, theirs, others in (
        ("approve", manager, shopper),
        ("deny", manager, shopper),
        ("cancel", shopper, manager),
    ):
        path = f"{URL}{transaction_id}/{verb}/"
        problem(theirs.get(path), 405, "method_not_allowed")
        problem(others.get(path), 403, "permission_denied")
    problem(create(client_for(people.alice)), 403, "permission_denied")
    problem(manager.post(f"{URL}{transaction_id}/cancel/"), 403, "permission_denied")
    assert manager.put(f"{URL}{transaction_id}/", {}).status_code == 405
    assert manager.delete(f"{URL}{transaction_id}/").status_code == 405
    assert app_rows() == before


def test_an_agent_takes_its_request_back(shopper):
    transaction_id = hold(shopper)

    body = shopper.post(f"{URL}{transaction_id}/cancel/").json()

    assert (body["status"], body["approval"]["status"]) == ("canceled", "canceled")
    response = shopper.post(f"{URL}{transaction_id}/cancel/")
    problem(response, 409, "invalid_state")


def test_an_approver_who_reads_what_waits_is_told_to_the_log(
    shopper, manager, bob, carol, client_for
):
    transaction_id = hold(shopper)
    views = AuditEvent.objects.filter(action="approval.viewed")

    shopper.get(f"{URL}{transaction_id}/")
    client_for(carol).get(f"{URL}{transaction_id}/")
    assert not views.exists()
    tag = manager.get(f"{URL}{transaction_id}/")["ETag"]

    event = views.get()
    assert (event.actor_id, event.target_kind) == (bob.pk, "approval")
    assert event.details == {"transaction": transaction_id}
    assert resolve(manager, transaction_id, "approve", tag=tag).status_code == 200
    manager.get(f"{URL}{transaction_id}/")
    assert views.count() == 1
