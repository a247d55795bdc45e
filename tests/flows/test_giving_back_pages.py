"""Voids and refunds by people, in an agent's place: by API and by page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session
from audit.models import AuditEvent
from tests.browsing import sign_in
from tests.flows.requests import URL, app_rows, problem
from tests.flows.test_money_api import act
from tests.people import PASSWORD
from tests.spending import spend
from tests.transactions.moving import act as move
from tests.transactions.moving import money, status
from tests.transactions.test_standing import deactivate_owner

pytestmark = pytest.mark.usefixtures("spacious_limits")
WHY = {"reason": "Its owner left."}


@pytest.fixture
def orphan(agent) -> str:
    """A transaction with 60.00 set aside and 40.00 taken, whose owner is gone."""
    asked = spend(agent, "100.00").body["id"]
    move(agent, "capture", asked, amount="40.00")
    deactivate_owner(agent)
    return asked


def browser_of(person) -> Client:
    browser = Client()
    sign_in(browser, person)
    return browser


def test_after_the_owner_is_gone_a_manager_voids_and_refunds_by_api(orphan, manager):
    voided = act(manager, orphan, "void", WHY)
    refunded = act(manager, orphan, "refund", WHY | {"amount": "15.00"})

    assert (voided.status_code, voided.json()["status"]) == (200, "voided")
    assert (refunded.status_code, refunded.json()["amount"]) == (201, "15.00")
    assert refunded.json()["reason"] == WHY["reason"]
    assert money(orphan) == [100, 40, 60, 0, 15]


def test_people_say_why_and_under_which_key_and_never_capture(
    orphan, manager, client_for, people
):
    before = app_rows()

    for verb in ("void", "refund"):
        problem(act(manager, orphan, verb), 400, "reason_missing")
        bare = manager.post(f"{URL}{orphan}/{verb}/", WHY)
        assert bare.json()["code"] == "idempotency_key_required"
        user, stranger = client_for(people.dave), client_for(people.eve)
        problem(act(user, orphan, verb, WHY), 403, "permission_denied")
        problem(act(stranger, orphan, verb, WHY), 404, "not_found")
    for verb in ("capture", "increment"):
        problem(act(manager, orphan, verb), 403, "permission_denied")

    assert app_rows() == before


def test_k14_giving_back_takes_the_step_up_that_the_page_asks_for(orphan, bob, manager):
    Session.objects.update(authenticated_at=timezone.now() - timedelta(minutes=6))
    before = app_rows()

    problem(act(manager, orphan, "void", WHY), 403, "step_up_required")
    problem(act(manager, orphan, "refund", WHY), 403, "step_up_required")

    assert app_rows() == before


def test_the_page_gives_back_once_for_two_clicks(orphan, bob):
    browser = browser_of(bob)
    page = browser.get(f"/transactions/{orphan}/")
    text = page.content.decode()
    assert "Void 60.00 USD" in text
    assert "all of 40.00 USD" in text
    given = WHY | {"step": "void", "key": page.context["key"]}
    address = f"/transactions/{orphan}/give-back/"

    for _ in range(2):
        answer = browser.post(address, given, follow=True)
        assert "Voided: what was set aside is given back." in answer.content.decode()
    assert "“Its owner left.”" in answer.content.decode()

    assert status(orphan) == "voided"
    assert AuditEvent.objects.filter(action="transaction.voided").count() == 1
    refund = WHY | {"step": "refund", "key": answer.context["key"], "amount": "1.00"}
    browser.post(address, refund)
    assert money(orphan) == [100, 40, 60, 0, 1]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reason": ""}, "Say why"),
        ({"step": "capture"}, "Not done."),
        ({"step": "refund", "amount": "40.01"}, "At most 40.00 USD is left."),
        ({"step": "refund", "amount": "many"}, "Not done."),
        ({"key": "short"}, "Not done."),
    ],
)
def test_the_page_says_why_it_did_not(orphan, bob, changes, told):
    browser = browser_of(bob)
    key = browser.get(f"/transactions/{orphan}/").context["key"]
    given = WHY | {"step": "void", "key": key} | changes
    before = app_rows()

    answer = browser.post(f"/transactions/{orphan}/give-back/", given, follow=True)

    assert told in answer.content.decode()
    assert app_rows() == before


def test_the_page_takes_a_stopped_void_up_again_after_the_proof(orphan, bob):
    browser = browser_of(bob)
    key = browser.get(f"/transactions/{orphan}/").context["key"]
    Session.objects.update(authenticated_at=timezone.now() - timedelta(minutes=6))

    stopped = browser.post(
        f"/transactions/{orphan}/give-back/", WHY | {"step": "void", "key": key}
    )
    assert stopped.status_code == 302
    assert status(orphan) == "partially_captured"
    browser.post(stopped["Location"], {"password": PASSWORD}, follow=True)

    assert status(orphan) == "voided"


def test_who_may_not_give_back_is_offered_nothing(agent, carol):
    asked = spend(agent, "100.00").body["id"]
    browser = browser_of(carol)

    page = browser.get(f"/transactions/{asked}/")
    assert page.status_code == 200
    assert "Give money back" not in page.content.decode()
    refused = browser.post(
        f"/transactions/{asked}/give-back/",
        WHY | {"step": "void", "key": page.context["key"]},
    )

    assert refused.status_code == 403
    assert status(asked) == "authorized"
