"""Approving several at once: each is judged by itself (K10)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from agents.services.agents import lock_agent
from audit.models import AuditEvent
from security.locks.models import ResourceLock
from tests.browsing import sign_in
from tests.factories import make_agent
from tests.people import PASSWORD, make_person
from tests.spending import deny, everything, held, seen_by
from tests.transactions.approving import TWO_PEOPLE
from transactions.approvals.models import ApprovalRequest
from transactions.spending.models import Transaction

pytestmark = pytest.mark.usefixtures("spacious_limits")
SELECTED = "/approvals/selected/"


@pytest.fixture
def browser(bob):
    client = Client()
    sign_in(client, bob)
    return client


def ticked(person, *approvals):
    return {
        "item": [f"{one.pk}:{seen_by(person, one)}" for one in approvals],
        "reason": "All ordered.",
    }


def statuses(*approvals):
    found = ApprovalRequest.objects.in_bulk([one.pk for one in approvals])
    return [found[one.pk].status for one in approvals]


def test_all_that_are_ticked_are_approved_and_each_result_is_shown(browser, agent, bob):
    one, two, three = (held(agent, f"75{n}.00") for n in range(3))

    response = browser.post(SELECTED, ticked(bob, one, two))

    assert response.status_code == 200
    assert statuses(one, two, three) == ["approved", "approved", "waiting"]
    html = response.content.decode()
    assert html.count("may spend 75") == 2
    resolved = AuditEvent.objects.filter(action="approval.approved")
    assert [event.details["reason"] for event in resolved] == ["All ordered."] * 2


def test_k10_each_is_judged_by_itself(browser, agent, people, give_policy):
    """One was denied, one's agent is locked, one is the person's own, one is fine."""
    own = make_agent(people.bob, acting=people.alice, name="own")
    locked = make_agent(people.carol, acting=people.alice, name="locked")
    denied, stopped, mine, fine = (
        held(agent, "750.00"),
        held(locked, "751.00"),
        held(own, "752.00"),
        held(agent, "753.00"),
    )
    body = ticked(people.bob, denied, stopped, mine, fine)
    deny(denied, people.bob)
    ResourceLock.objects.create(kind="agent", target_id=locked.pk, locked_by="x")

    response = browser.post(SELECTED, body)

    assert response.status_code == 200
    assert statuses(denied, stopped, mine, fine) == [
        "denied",
        "waiting",
        "waiting",
        "approved",
    ]
    html = response.content.decode()
    assert html.count("Not done") == 3
    for told in (
        "resolved already",
        "A security lock is in force: agent.",
        "cannot decide on this request",
        "may spend 753.00 USD",
    ):
        assert told in html
    assert AuditEvent.objects.filter(
        action="request.refused", details__code="not_allowed_to_approve"
    ).exists()


def test_k10_k5_what_changed_since_the_page_loaded_is_not_approved(
    browser, agent, bob, give_policy
):
    approval = held(agent)
    body = ticked(bob, approval)
    give_policy(agent, daily_budget="5000.00")

    response = browser.post(SELECTED, body)

    assert b"This request has changed since you saw it." in response.content
    assert statuses(approval) == ["waiting"]


def test_k10_one_of_two_people_lifts_nothing_by_ticking(
    browser, agent, bob, give_policy
):
    give_policy(agent, approval_levels=TWO_PEOPLE)
    approval = held(agent)

    response = browser.post(SELECTED, ticked(bob, approval))

    assert "Others must approve it, too." in response.content.decode()
    assert statuses(approval) == ["waiting"]


def test_k10_k8_a_large_one_asks_for_a_proof_before_any_is_approved(
    browser, agent, bob, give_policy
):
    give_policy(agent, max_transaction_amount="5000.00")
    small, large = held(agent, "750.00"), held(agent, "4200.00")
    Session.objects.update(authenticated_at=timezone.now() - timedelta(minutes=6))

    asked = browser.post(SELECTED, ticked(bob, small, large))

    assert asked.status_code == 302
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert statuses(small, large) == ["waiting", "waiting"]
    done = browser.post(asked["Location"], {"password": PASSWORD})
    assert done.status_code == 200
    assert statuses(small, large) == ["approved", "approved"]


@pytest.mark.parametrize(
    "items",
    [
        [],
        ["x"],
        ["apr_0:1"],
        [f"apr_{'0' * 26}:{'0' * 63}"],
        [f"apr_{n:026d}:{'0' * 64}" for n in range(21)],
    ],
)
def test_nonsense_approves_nothing(browser, agent, items):
    held(agent)
    before = everything()

    response = browser.post(SELECTED, {"item": items})

    assert response.status_code == 400
    assert b"Nothing was approved." in response.content
    assert everything() == before


def test_what_is_not_there_is_told_like_what_is_not_theirs(browser, agent, people):
    foreign = held(make_agent(people.eve, acting=people.alice, name="south"))
    digest = seen_by(people.alice, foreign)

    for key in (foreign.pk, f"apr_{'0' * 26}"):
        html = browser.post(SELECTED, {"item": [f"{key}:{digest}"]}).content.decode()
        assert "There is no such thing, or it is not yours to see." in html
        assert "Amazon" not in html
    assert Transaction.objects.get().status == "pending_approval"


def test_k9_ticking_takes_the_forms_token_and_a_manager(agent, people):
    approval = held(agent)
    body = ticked(people.bob, approval)
    for person, checks in ((people.bob, True), (people.carol, False)):
        client = Client(enforce_csrf_checks=checks)
        sign_in(client, person)
        assert client.post(SELECTED, body).status_code == 403
        assert client.get(SELECTED).status_code == 405
    assert statuses(approval) == ["waiting"]


def test_the_queue_shows_only_what_this_person_may_decide(agent, people, browser):
    own = make_agent(people.bob, acting=people.alice, name="own")
    frank = make_person("frank", User.Role.MANAGER, people.north)
    mine, theirs = held(own, "751.00"), held(agent, "750.00")

    def shown(client):
        return [row[0].pk for row in client.get("/approvals/").context["rows"]]

    other = Client()
    sign_in(other, frank)
    assert shown(browser) == [theirs.pk]
    assert set(shown(other)) == {mine.pk, theirs.pk}
    lock_agent(agent.pk, reason="Odd.", acting=people.bob)
    assert shown(browser) == [theirs.pk]  # To be denied, at least.
