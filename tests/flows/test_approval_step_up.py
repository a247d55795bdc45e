"""Large approvals take a fresh proof, by page and by API alike."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session
from tests.browsing import sign_in
from tests.factories import make_agent_token
from tests.flows.requests import URL, app_rows, hold, problem, resolve
from tests.people import PASSWORD
from transactions.approvals.models import ApprovalRequest
from transactions.spending.models import Transaction

pytestmark = pytest.mark.usefixtures("spacious_limits")


@pytest.fixture
def spender(agent, give_policy, people, api):
    """The agent with limits above the amounts that take a fresh proof."""
    give_policy(agent, max_transaction_amount="5000.00")
    return api(token=make_agent_token(agent, acting=people.alice))


def age_proofs():
    Session.objects.update(authenticated_at=timezone.now() - timedelta(minutes=6))


def test_k14_without_step_up_a_token_approves_nothing_large(spender, manager):
    transaction = hold(spender, amount="1000.01")
    age_proofs()
    before = app_rows()

    response = resolve(manager, transaction, "approve")

    problem(response, 403, "step_up_required")
    assert app_rows() == before


def test_k14_after_step_up_it_does(spender, manager):
    transaction = hold(spender, amount="1000.01")
    age_proofs()

    manager.post("/api/v1/auth/step-up/", {"password": PASSWORD})
    response = resolve(manager, transaction, "approve")

    assert (response.status_code, response.json()["status"]) == (200, "authorized")


def test_k14_an_agents_token_never_approves(spender, manager):
    transaction = hold(spender, amount="600.00")

    response = resolve(spender, transaction, "approve", tag='"anything"')

    problem(response, 403, "permission_denied")
    assert Transaction.objects.get().status == "pending_approval"


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_what_is_not_large_needs_no_fresh_proof(spender, manager, verb):
    transaction = hold(spender, amount="1000.00")
    age_proofs()

    assert resolve(manager, transaction, verb).status_code == 200


def test_denying_needs_no_fresh_proof_however_large(spender, manager):
    transaction = hold(spender, amount="5000.00")
    age_proofs()

    assert resolve(manager, transaction, "deny").status_code == 200


def test_k8_the_page_asks_for_a_proof_and_then_approves(spender, bob):
    transaction = hold(spender, amount="4200.00")
    approval = ApprovalRequest.objects.get()
    client = Client()
    sign_in(client, bob)
    age_proofs()
    page = f"/approvals/{approval.pk}/"
    digest = client.get(page).context["digest"]
    verdict = {
        "verdict": "approve",
        "expected_digest": digest,
        "reason": "The yearly invoice.",
    }

    asked = client.post(page, verdict)
    assert asked.status_code == 302
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert Transaction.objects.get().status == "pending_approval"

    done = client.post(asked["Location"], {"password": PASSWORD})

    assert (done.status_code, done["Location"]) == (302, "/approvals/")
    approval.refresh_from_db()
    assert (approval.status, approval.reason) == ("approved", "The yearly invoice.")
    assert spender.get(f"{URL}{transaction}/").json()["status"] == "authorized"


def test_k8_a_wrong_proof_approves_nothing(spender, bob):
    hold(spender, amount="4200.00")
    approval = ApprovalRequest.objects.get()
    client = Client()
    sign_in(client, bob)
    age_proofs()
    page = f"/approvals/{approval.pk}/"
    digest = client.get(page).context["digest"]
    verdict = {"verdict": "approve", "expected_digest": digest, "reason": "x"}
    asked = client.post(page, verdict)

    refused = client.post(asked["Location"], {"password": "wrong"})

    assert refused.status_code == 200
    assert refused.context["form"].errors.keys() == {"password"}
    assert Transaction.objects.get().status == "pending_approval"
    again = client.post(page, verdict)
    assert again.status_code == 302
    assert again["Location"].startswith("/accounts/reauthenticate/")
    assert Transaction.objects.get().status == "pending_approval"
