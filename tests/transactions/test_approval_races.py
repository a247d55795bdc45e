"""Several approvers at once, and more holds at once than may wait: real commits."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.base.errors import NotFound
from audit.models import AuditEvent
from security.notifications.models import Notification
from tests.elsewhere import wait_until_blocked
from tests.people import make_person
from tests.spending import held, principal_of, set_aside_minor, spend
from tests.transactions.approving import TWO_PEOPLE, delegate
from tests.transactions.test_races import at_once, attempt, money_is_conserved, word_on
from transactions.approvals.models import ApprovalRequest, ApprovalVote
from transactions.approvals.queries.approvals import approval_queue
from transactions.approvals.services.approvals import deny_approval
from transactions.approvals.services.notices import notify_approvers
from transactions.approvers.models import ApprovalDelegation
from transactions.approvers.services.delegations import revoke_delegation
from transactions.errors import AlreadyApproved, ApprovalResolved
from transactions.risk.models import AgentActivity
from transactions.spending.models import Transaction

pytestmark = pytest.mark.usefixtures("committed_db")


def test_k2_two_of_two_managers_at_once_authorize_once(agent, people, give_policy):
    frank = make_person("frank", User.Role.MANAGER, people.north)
    give_policy(agent, approval_levels=TWO_PEOPLE)
    for n in range(5):
        approval = held(agent, f"75{n}.00")

        results = at_once(word_on(approval, people.bob), word_on(approval, frank))

        # The first one may come back after the second one's word, and see its end.
        assert [type(one) for one in results] == [ApprovalRequest] * 2, results
        events = AuditEvent.objects.filter(target_id=approval.pk)
        assert events.filter(action="approval.voted").count() == 1
        assert events.filter(action="approval.approved").count() == 1
        assert ApprovalVote.objects.filter(approval=approval).count() == 2
        money_is_conserved(agent)


def test_k2_of_more_managers_than_it_takes_two_count(agent, people, give_policy):
    others = [make_person(f"m{n}", User.Role.MANAGER, people.north) for n in range(4)]
    give_policy(agent, approval_levels=TWO_PEOPLE)
    approval = held(agent)

    results = at_once(*(word_on(approval, one) for one in (people.bob, *others)))

    won = [one for one in results if isinstance(one, ApprovalRequest)]
    lost = [one for one in results if isinstance(one, ApprovalResolved)]
    assert (len(won), len(lost)) == (2, 3), results
    assert ApprovalVote.objects.count() == 2
    assert AgentActivity.objects.get().allowed_count == 1


def test_k3_k11_a_double_click_is_one_of_two_people(agent, bob, give_policy):
    give_policy(agent, approval_levels=TWO_PEOPLE)

    results = at_once(*[word_on(held(agent), bob)] * 8)

    assert Counter(type(one) for one in results) == {
        ApprovalRequest: 1,
        AlreadyApproved: 7,
    }
    assert ApprovalVote.objects.count() == 1
    assert Transaction.objects.get().status == "pending_approval"


def test_k11_delegate_and_delegator_at_once_are_one(agent, people, give_policy):
    give_policy(agent, approval_levels=TWO_PEOPLE)
    approval = held(agent)
    delegate(people.bob, people.eve)

    results = at_once(word_on(approval, people.bob), word_on(approval, people.eve))

    assert Counter(type(one) for one in results) == {
        ApprovalRequest: 1,
        AlreadyApproved: 1,
    }


def test_people_who_decide_for_each_other_do_not_deadlock(agent, people, give_policy):
    frank = make_person("frank", User.Role.MANAGER, people.north)
    delegate(people.bob, frank)
    delegate(frank, people.bob)
    give_policy(agent, approval_levels=TWO_PEOPLE)

    for n in range(5):
        approval = held(agent, f"75{n}.00")
        results = at_once(word_on(approval, people.bob), word_on(approval, frank))
        assert [type(one) for one in results] == [ApprovalRequest] * 2, results
        approval.refresh_from_db()
        assert approval.status == "approved"


def test_no_more_than_twenty_wait_however_many_ask_at_once(agent, bob):
    principal_of(agent)

    bodies = at_once(*[lambda n=n: spend(agent, f"5{n:02}.01").body for n in range(28)])

    assert Counter(body["outcome"] for body in bodies) == {"hold": 20, "deny": 8}
    assert {
        reason["code"]
        for body in bodies
        if body["outcome"] == "deny"
        for reason in body["reasons"]
    } == {"too_many_waiting"}
    assert AgentActivity.objects.get().waiting_approvals == 20
    money_is_conserved(agent)
    # Each that is resolved frees a place for one.
    waiting = list(ApprovalRequest.objects.order_by("id")[:4])
    at_once(*(word_on(one, bob, deny_approval) for one in waiting))
    bodies = at_once(*[lambda n=n: spend(agent, f"6{n:02}.01").body for n in range(8)])
    assert Counter(body["outcome"] for body in bodies) == {"hold": 4, "deny": 4}
    assert set_aside_minor() == sum(
        Transaction.objects.filter(status="pending_approval").values_list(
            "amount_minor", flat=True
        )
    )


def test_a_notice_is_queued_once_by_however_many_workers(agent, people):
    held(agent)
    notify = partial(notify_approvers, now=timezone.now())

    assert sum(at_once(*[notify] * 6)) == 1
    assert Notification.objects.count() == 1


def test_whoever_decides_does_not_wait_while_it_is_found_out_whom_to_tell(
    agent, people, monkeypatch
):
    """The money of all agents that share a budget is locked meanwhile."""
    approval = held(agent)

    def lock_it() -> str:
        rows = ApprovalRequest.objects.select_for_update(nowait=True)
        with transaction.atomic():
            return rows.get(pk=approval.pk).pk

    free = _meanwhile(monkeypatch, lock_it)

    assert notify_approvers(now=timezone.now()) == 1
    assert set(free) == {approval.pk}


def test_what_is_told_otherwise_meanwhile_is_told_once(agent, people, monkeypatch):
    approval, later = held(agent), timezone.now() + timedelta(seconds=5)
    rows = ApprovalRequest.objects.filter(pk=approval.pk)
    _meanwhile(monkeypatch, lambda: rows.update(notice_due_at=later))

    assert notify_approvers(now=timezone.now()) == 0
    assert not Notification.objects.exists()
    assert not AuditEvent.objects.filter(action="notification.queued").exists()

    monkeypatch.undo()
    assert notify_approvers(now=later) == 1
    assert notify_approvers(now=later) == 0


def test_a_notice_survives_a_crash_before_it_is_noted(agent, people, monkeypatch):
    held(agent)

    def crash(*_: object) -> bool:
        raise SystemExit

    monkeypatch.setattr("transactions.approvals.services.notices._claim", crash)
    with pytest.raises(SystemExit):
        notify_approvers(now=timezone.now())
    assert not Notification.objects.exists()

    monkeypatch.undo()
    assert notify_approvers(now=timezone.now()) == 1
    assert Notification.objects.count() == 1


def _meanwhile(monkeypatch, act) -> list[object]:
    """Let another connection act each time that somebody's queue is looked up."""
    answers: list[object] = []

    def queue(*arguments, **named):
        answers.extend(at_once(act))
        return approval_queue(*arguments, **named)

    monkeypatch.setattr("transactions.approvals.services.notices.approval_queue", queue)
    return answers


def test_k6_a_delegation_that_is_revoked_during_the_wait_decides_nothing(agent, people):
    approval = held(agent)
    delegation = delegate(people.bob, people.eve)
    word, results = word_on(approval, people.eve), []
    deciding = threading.Thread(target=lambda: results.append(attempt(word)))
    with transaction.atomic():
        User.objects.select_for_update().get(pk=people.bob.pk)
        deciding.start()
        wait_until_blocked()
        rows = ApprovalDelegation.objects.filter(pk=delegation.pk)
        rows.update(revoked_at=timezone.now(), revoked_by=people.bob)
    deciding.join(60)

    assert [type(one) for one in results] == [NotFound]
    assert not ApprovalVote.objects.exists()
    assert Transaction.objects.get().status == "pending_approval"


def test_k6_revoking_a_delegation_waits_for_whoever_decides_by_it(people):
    delegation = delegate(people.bob, people.eve)
    revoke = partial(revoke_delegation, delegation.pk, acting=people.bob)
    results = []
    revoking = threading.Thread(target=lambda: results.append(attempt(revoke)))
    with transaction.atomic():
        # As lock_people() does: this lets references to the row pass.
        User.objects.select_for_update(no_key=True).get(pk=people.bob.pk)
        revoking.start()
        wait_until_blocked()
        assert results == []
    revoking.join(60)

    assert [one.pk for one in results] == [delegation.pk]
    assert ApprovalDelegation.objects.get().revoked_by == people.bob
