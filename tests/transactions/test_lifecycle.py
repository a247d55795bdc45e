"""What is taken back, and what nobody decided or took in time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from audit.base.errors import NotFound
from audit.models import AuditEvent
from tests.factories import make_agent
from tests.spending import (
    approve,
    events_since,
    everything,
    held,
    make_due,
    principal_of,
    seen_by,
    set_aside_minor,
    spend,
)
from transactions import tasks
from transactions.approvals.models import ApprovalRequest
from transactions.approvals.services.times import expire_due_approvals
from transactions.budgets.services import ledger as money
from transactions.errors import ApprovalResolved, InvalidState
from transactions.risk.models import AgentActivity
from transactions.spending.models import Transaction
from transactions.spending.services.lifecycle import cancel, expire_due_authorizations

SWEEPS = {
    "approvals": expire_due_approvals,
    "authorizations": expire_due_authorizations,
}


def test_the_agent_takes_its_request_back(agent):
    approval = held(agent)
    before = everything()["AuditEvent"]

    row = cancel(approval.transaction_id, acting=principal_of(agent))

    assert row.status == "canceled"
    approval.refresh_from_db()
    assert (approval.status, approval.resolved_by_id) == ("canceled", None)
    assert set_aside_minor() == 0
    assert AgentActivity.objects.get().waiting_approvals == 0
    [event] = events_since(before)
    assert (event.action, event.actor_id) == ("transaction.canceled", agent.pk)
    assert event.details == {"from": "pending_approval", "mode": "live"}


def test_only_what_waits_can_be_taken_back_and_only_by_its_agent(agent, people, bob):
    other = make_agent(people.carol, acting=people.alice, name="other")
    approval = held(agent)
    before = everything()
    with pytest.raises(NotFound):
        cancel(approval.transaction_id, acting=principal_of(other))
    assert everything() == before

    approve(approval, bob)
    for transaction_id in (approval.transaction_id, spend(agent).body["id"]):
        before = everything()
        with pytest.raises(InvalidState):
            cancel(transaction_id, acting=principal_of(agent))
        assert everything() == before


def test_k4_what_was_taken_back_cannot_be_approved(agent, bob):
    approval = held(agent)
    digest = seen_by(bob, approval)
    cancel(approval.transaction_id, acting=principal_of(agent))

    with pytest.raises(ApprovalResolved):
        approve(approval, bob, digest=digest)


def test_k12_the_sweeper_expires_what_is_due_and_nothing_else(agent, bob):
    due, later, done = (held(agent, f"75{n}.00") for n in range(3))
    make_due(due)
    approve(done, bob)
    make_due(done)

    assert expire_due_approvals(now=timezone.now()) == 1

    assert [
        ApprovalRequest.objects.get(pk=approval.pk).status
        for approval in (due, later, done)
    ] == ["expired", "waiting", "approved"]
    assert Transaction.objects.get(pk=due.transaction_id).status == "expired"
    assert set_aside_minor() == 751_00 + 752_00
    assert AgentActivity.objects.get().waiting_approvals == 1
    assert expire_due_approvals(now=timezone.now()) == 0


def test_the_sweeper_believes_the_databases_clock_not_its_own(agent):
    held(agent)

    assert expire_due_approvals(now=timezone.now() + timedelta(days=9)) == 0
    assert ApprovalRequest.objects.get().status == "waiting"


def test_money_that_nobody_took_in_time_is_given_back(agent):
    due, later = spend(agent, "100.00").body, spend(agent, "50.00").body
    past = timezone.now() - timedelta(seconds=1)
    Transaction.objects.filter(pk=due["id"]).update(expires_at=past)
    before = everything()["AuditEvent"]

    assert expire_due_authorizations(now=timezone.now()) == 1

    assert Transaction.objects.get(pk=due["id"]).status == "expired"
    assert Transaction.objects.get(pk=later["id"]).status == "authorized"
    assert set_aside_minor() == 50_00
    [event] = events_since(before)
    assert (event.action, event.actor_kind) == ("transaction.expired", "system")
    assert expire_due_authorizations(now=timezone.now()) == 0


@pytest.mark.parametrize("kind", ["authorizations", "approvals"])
def test_the_sweepers_go_on_after_one_that_fails(agent, monkeypatch, caplog, kind):
    past = timezone.now() - timedelta(seconds=1)
    if kind == "approvals":
        approvals = [held(agent, f"75{n}.00") for n in range(3)]
        ids = [approval.transaction_id for approval in approvals]
        for approval in approvals:
            make_due(approval)
    else:
        ids = [spend(agent, f"{n + 1}0.00").body["id"] for n in range(3)]
        Transaction.objects.filter(pk__in=ids).update(expires_at=past)
    move_money = money.move_money

    def move_and_fail(reservation, *args, **kwargs):
        move_money(reservation, *args, **kwargs)
        if reservation.pk == ids[1]:
            raise IntegrityError("budget_not_negative")

    monkeypatch.setattr(money, "move_money", move_and_fail)
    sweep = SWEEPS[kind]

    assert sweep(now=timezone.now()) == 2

    left = "pending_approval" if kind == "approvals" else "authorized"
    assert [Transaction.objects.get(pk=pk).status for pk in ids] == [
        "expired",
        left,
        "expired",
    ]
    [failed, told] = [r for r in caplog.records if r.levelname == "ERROR"]
    assert failed.exc_info is not None
    assert told.getMessage() == "1 of 3 failed and were not changed"
    monkeypatch.undo()
    assert sweep(now=timezone.now()) == 1


def test_the_tasks_call_the_sweepers(agent):
    make_due(held(agent))
    assert tasks.expire_approvals() == 1
    assert tasks.expire_authorizations() == 0
    assert AuditEvent.objects.filter(action="approval.expired").count() == 1
