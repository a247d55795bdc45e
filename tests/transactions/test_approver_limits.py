"""The most that a person may approve: K7, set in the console by somebody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.errors import OwnAuthorityRefused
from accounts.models import User
from audit.base.errors import NotPermitted
from audit.models import AuditEvent
from security.changes.models import ChangeRequest
from security.changes.services import approve_change
from security.errors import StepUpRequired
from tests.browsing import sign_in
from tests.people import make_person
from tests.spending import approve, deny, everything, held, spend
from tests.transactions.approving import TWO_PEOPLE
from transactions.approvals.queries.approvals import approval_queue
from transactions.approvers.models import ApproverLimit
from transactions.approvers.services.limits import set_approver_limit
from transactions.errors import AboveOwnLimit

ADD = "/admin/transactions/approverlimit/add/"


def loosen(admins, person, limit):
    asker, other = admins
    change = set_approver_limit(person, limit, acting=asker)
    assert change.kind == "approver_limit"
    approve_change(change.pk, acting=other)


def test_k7_above_their_own_limit_nobody_approves(agent, people, admins):
    set_approver_limit(people.bob, (749_99, "USD"), acting=people.alice)
    approval = held(agent, "750.00")
    before = everything()

    with pytest.raises(AboveOwnLimit):
        approve(approval, people.bob)

    assert everything() == before
    assert not approval_queue(people.bob, now=timezone.now()).exists()
    loosen(admins, people.bob, (750_00, "USD"))
    assert approval_queue(people.bob, now=timezone.now()).exists()
    assert approve(approval, people.bob).status == "approved"


def test_k7_a_limit_in_another_currency_permits_nothing(agent, people):
    set_approver_limit(people.bob, (10**9, "JPY"), acting=people.alice)

    with pytest.raises(AboveOwnLimit):
        approve(held(agent, "750.00"), people.bob)


def test_k7_whoever_may_not_approve_it_may_still_deny_it(agent, people):
    set_approver_limit(people.bob, (0, "USD"), acting=people.alice)

    assert deny(held(agent), people.bob).status == "denied"


def test_k7_a_limit_that_was_lowered_since_takes_the_word_back(
    agent, people, give_policy
):
    frank = make_person("frank", User.Role.MANAGER, people.north)
    give_policy(agent, approval_levels=TWO_PEOPLE)
    approval = held(agent, "750.00")
    approve(approval, people.bob)
    set_approver_limit(people.bob, (1_00, "USD"), acting=people.alice)

    assert approve(approval, frank).status == "waiting"


def test_a_limit_is_told_to_the_log_with_old_and_new(people, admins):
    set_approver_limit(people.bob, (500_00, "USD"), acting=people.alice)
    set_approver_limit(people.bob, (500_00, "USD"), acting=people.alice)
    loosen(admins, people.bob, None)

    events = AuditEvent.objects.filter(action="approver_limit.set").order_by("id")
    assert [event.details["changes"]["approval_limit"] for event in events] == [
        [None, "500.00 USD"],
        ["500.00 USD", None],
    ]
    assert {event.target_id for event in events} == {people.bob.pk}
    assert not ApproverLimit.objects.exists()


def test_nobody_sets_their_own_and_only_administrators_anybodys(people):
    with pytest.raises(OwnAuthorityRefused):
        set_approver_limit(people.alice, None, acting=people.alice)
    with pytest.raises(NotPermitted):
        set_approver_limit(people.eve, (1, "USD"), acting=people.bob)
    people.alice.authenticated_at = timezone.now() - timedelta(minutes=6)
    with pytest.raises(StepUpRequired):
        set_approver_limit(people.bob, (1, "USD"), acting=people.alice)
    assert not ApproverLimit.objects.exists()


@pytest.fixture
def console(people, spacious_limits):
    client = Client()
    sign_in(client, people.alice)
    return client


def limits():
    return list(ApproverLimit.objects.values_list("person__username", "amount_minor"))


def test_the_console_sets_changes_and_removes_limits(console, people, admins):
    body = {"person": people.bob.pk, "amount": "5000.00", "currency": "USD"}

    assert console.post(ADD, body).status_code == 302
    assert limits() == [("bob", 5000_00)]
    page = f"/admin/transactions/approverlimit/{people.bob.pk}/change/"
    assert b'value="5000.00"' in console.get(page).content
    assert console.post(page, {"amount": "10", "currency": "USD"}).status_code == 302
    assert limits() == [("bob", 10_00)]
    chosen = {"action": "remove", "_selected_action": [people.bob.pk]}
    told = console.post("/admin/transactions/approverlimit/", chosen, follow=True)
    removal = ChangeRequest.objects.get()
    assert told_to_wait(removal) in told.content.decode()
    assert limits() == [("bob", 10_00)]
    approve_change(removal.pk, acting=admins[1])
    assert limits() == []


def test_c15_the_console_tells_that_a_higher_limit_waits(console, people):
    set_approver_limit(people.bob, (5_00, "USD"), acting=people.alice)
    page = f"/admin/transactions/approverlimit/{people.bob.pk}/change/"

    told = console.post(page, {"amount": "10", "currency": "USD"}, follow=True)

    assert told_to_wait(ChangeRequest.objects.get()) in told.content.decode()
    assert limits() == [("bob", 5_00)]


def told_to_wait(change):
    return f"A looser limit must be approved by another administrator: {change.pk}."


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "much"},
        {"amount": "1.001"},
        {"currency": "XXX"},
        {"person": "usr_0"},
    ],
)
def test_the_console_tells_what_is_wrong(console, people, change):
    body = {"person": people.bob.pk, "amount": "5000.00", "currency": "USD"}

    response = console.post(ADD, body | change)

    assert response.status_code == 200
    assert b"errorlist" in response.content
    assert response.context["adminform"].form.errors.keys() == change.keys()
    assert limits() == []


def test_the_console_refuses_ones_own_and_keeps_what_was_typed(console, people):
    body = {"person": people.alice.pk, "amount": "5000.00", "currency": "USD"}

    response = console.post(ADD, body)

    assert b"You cannot set your own approval limit." in response.content
    assert limits() == []


def test_a_limit_is_no_limit_on_what_the_agent_asks(agent, people):
    set_approver_limit(people.bob, (1, "USD"), acting=people.alice)

    assert spend(agent, "20.00").body["outcome"] == "allow"
