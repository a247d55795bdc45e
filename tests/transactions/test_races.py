"""Everything at once: real threads, real commits."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection, connections, transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import User
from agents.models import AgentCredential
from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from agents.queries import rules_of
from audit.base.errors import DomainError
from audit.models import AuditEvent
from security.locks.services import lock_resource
from tests.elsewhere import wait_until_blocked
from tests.factories import SEED_POLICY, make_agent
from tests.people import make_person
from tests.spending import (
    ask_for,
    credential_of,
    held,
    principal_of,
    seen_by,
    set_aside_minor,
    spend,
)
from transactions.approvals.models import ApprovalRequest
from transactions.approvals.services.approvals import approve, deny_approval
from transactions.approvals.services.times import expire_due_approvals
from transactions.budgets.models import Budget, Reservation
from transactions.budgets.queries.locking import lock_spender
from transactions.decisions.models import Decision, IdempotencyRecord
from transactions.errors import (
    ApprovalChanged,
    ApprovalResolved,
    IdempotencyConflict,
    InvalidState,
)
from transactions.risk.models import AgentActivity
from transactions.spending.models import Transaction
from transactions.spending.services.lifecycle import cancel
from transactions.spending.services.spending import request_transaction

pytestmark = pytest.mark.usefixtures("committed_db")


def attempt(act, *arguments):
    """Return what a call returns, or the refusal it raises; leave no connection."""
    try:
        return act(*arguments)
    except DomainError as refusal:
        return refusal
    finally:
        connections.close_all()


def at_once(*acts):
    """Start all calls at the same instant, each in a thread; return their results."""
    barrier = threading.Barrier(len(acts))

    def run(act):
        barrier.wait()
        return attempt(act)

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def word_on(approval, person, act=approve):
    """Return the call by which a person decides on what they see now."""
    return partial(
        act,
        approval.pk,
        acting=person,
        reason="r",
        expected_digest=seen_by(person, approval),
    )


def while_locked(agent, change, *, act):
    """Run act() in a thread that waits for the agent's row while change() happens."""
    credential_of(agent)  # Else the thread waits to make one, before it asks.
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            lock_spender(agent.pk)
            waiting: Future = threads.submit(attempt, act)
            wait_until_blocked()
            change()
        return waiting.result()


def money_is_conserved(agent) -> None:
    """The pot holds what the living transactions hold, no more and no less."""
    living = Transaction.objects.filter(
        agent=agent, status__in=["pending_approval", "authorized"]
    )
    active = Reservation.objects.filter(transaction__agent=agent, resolved_at=None)
    assert set(living.values_list("pk")) == set(active.values_list("pk"))
    reserved = Budget.objects.filter(holder=agent.pk).aggregate(
        reserved=Sum("reserved_minor", default=0)
    )["reserved"]
    if reserved:  # Without a limit there is no budget to count in.
        assert reserved == active.aggregate(sum=Sum("amount_minor"))["sum"]
    assert (
        set_aside_minor() == living.aggregate(sum=Sum("amount_minor", default=0))["sum"]
    )
    waiting = ApprovalRequest.objects.filter(
        transaction__agent=agent, status="waiting"
    ).count()
    assert AgentActivity.objects.get(agent=agent).waiting_approvals == waiting


def test_j1_thirty_two_at_once_on_a_budget_for_five(agent, give_policy):
    give_policy(agent, daily_budget="50.00", allowed_merchants=None)

    answers = at_once(
        *[
            lambda n=n: spend(agent, "10.00", merchant=f"Shop {n}").body
            for n in range(32)
        ]
    )

    assert Counter(body["outcome"] for body in answers) == {"allow": 5, "deny": 27}
    assert {
        reason["code"]
        for body in answers
        if body["outcome"] == "deny"
        for reason in body["reasons"]
    } == {"daily_budget_exceeded"}
    assert set_aside_minor() == 50_00
    assert sum(AgentActivity.objects.get().requests_by_minute) == 32
    assert AgentActivity.objects.get().allowed_count == 5
    assert Decision.objects.count() == 32
    assert AuditEvent.objects.filter(action="transaction.decided").count() == 32
    money_is_conserved(agent)


def test_j2_one_key_thirty_two_times_at_once(agent):
    answers = at_once(*[lambda: spend(agent, key="k")] * 32)

    assert Counter(answer.is_replay for answer in answers) == {False: 1, True: 31}
    assert [answer.body for answer in answers] == [answers[0].body] * 32
    assert Transaction.objects.count() == Decision.objects.count() == 1
    assert IdempotencyRecord.objects.count() == 1
    assert set_aside_minor() == 49_99
    assert sum(AgentActivity.objects.get().requests_by_minute) == 1


def test_j2_one_key_and_two_bodies_at_once(agent):
    answers = at_once(
        *[lambda n=n: spend(agent, f"1{n % 2}.00", key="k") for n in range(16)]
    )

    refused = [one for one in answers if isinstance(one, IdempotencyConflict)]
    assert len(refused) == 8
    assert Transaction.objects.count() == 1
    money_is_conserved(agent)


@pytest.mark.parametrize("second", [approve, deny_approval])
def test_k2_two_managers_at_once(agent, people, second):
    frank = make_person("frank", User.Role.MANAGER, people.north)
    for n in range(5):
        approval = held(agent, f"75{n}.00")

        results = at_once(
            word_on(approval, people.bob), word_on(approval, frank, second)
        )

        won = [one for one in results if isinstance(one, ApprovalRequest)]
        lost = [one for one in results if isinstance(one, ApprovalResolved)]
        assert (len(won), len(lost)) == (1, 1), results
        events = AuditEvent.objects.filter(target_id=approval.pk)
        resolved = events.filter(action__in=["approval.approved", "approval.denied"])
        assert resolved.get().actor_id == won[0].resolved_by_id
        money_is_conserved(agent)


def test_k3_a_double_click_approves_once(agent, bob):
    results = at_once(*[word_on(held(agent), bob)] * 8)

    assert Counter(type(one) for one in results) == {
        ApprovalRequest: 1,
        ApprovalResolved: 7,
    }
    assert AuditEvent.objects.filter(action="approval.approved").count() == 1
    assert AgentActivity.objects.get().allowed_count == 1


def test_j13_cancel_and_approve_have_one_winner(agent, bob):
    for n in range(8):
        approval = held(agent, f"75{n}.00")

        canceled, approved = at_once(
            partial(cancel, approval.transaction_id, acting=principal_of(agent)),
            word_on(approval, bob),
        )

        status = Transaction.objects.get(pk=approval.transaction_id).status
        if isinstance(canceled, Transaction):
            assert isinstance(approved, ApprovalResolved), approved
            assert status == "canceled"
        else:
            assert isinstance(canceled, InvalidState), canceled
            assert isinstance(approved, ApprovalRequest), approved
            assert status == "authorized"
        money_is_conserved(agent)


def test_j11_an_agent_deactivated_while_it_asks_is_denied(agent):
    def deactivate():
        type(agent).objects.filter(pk=agent.pk).update(is_active=False)

    answer = while_locked(agent, deactivate, act=lambda: spend(agent))

    assert answer.body["outcome"] == "deny"
    assert answer.body["reasons"][0]["code"] == "agent_inactive"


def test_j11_a_lock_placed_while_it_asks_denies(agent, people):
    credential_of(agent)
    with ThreadPoolExecutor(2) as threads:
        with transaction.atomic():
            lock_spender(agent.pk)
            # First in the queue for the agent's row: the lock, then the request.
            locking = threads.submit(
                attempt,
                lambda: lock_resource(
                    "agent", agent.pk, acting=people.alice, reason="Stop."
                ),
            )
            wait_until_blocked()
            asking = threads.submit(attempt, lambda: spend(agent))
            wait_until_blocked(2)
        assert locking.result().kind == "agent"
        answer = asking.result()

    assert answer.body["outcome"] == "deny"
    assert answer.body["reasons"][0]["code"] == "resource_locked"


def test_j10_a_policy_that_changes_while_it_asks_decides(agent, people):
    terms = parse_terms({**SEED_POLICY, "max_transaction_amount": "600.00"})
    credential_of(agent)
    with ThreadPoolExecutor(2) as threads:
        with transaction.atomic():
            lock_spender(agent.pk)
            setting = threads.submit(
                attempt,
                lambda: set_policy(agent.pk, terms, acting=people.alice),
            )
            wait_until_blocked()
            asking = threads.submit(attempt, lambda: spend(agent, "750.00"))
            wait_until_blocked(2)
        assert setting.result().number == 2
        answer = asking.result()

    assert (answer.body["outcome"], answer.body["policy_version"]) == ("deny", 2)


def test_j11_an_approval_that_waits_for_a_deactivation_is_refused(agent, bob):
    def deactivate():
        type(agent).objects.filter(pk=agent.pk).update(is_active=False)

    refusal = while_locked(agent, deactivate, act=word_on(held(agent), bob))

    assert [reason["code"] for reason in refusal.reasons] == ["agent_inactive"]


def test_k5_an_approval_that_waits_for_a_new_policy_sees_it(agent, bob, people):
    version = agent.policy_versions.get()

    def change():
        version.pk, version.number = "pol_second", 2
        version.digest = rules_of(version).digest
        version.save(force_insert=True)
        type(agent).objects.filter(pk=agent.pk).update(policy_version="pol_second")

    refusal = while_locked(agent, change, act=word_on(held(agent), bob))

    assert isinstance(refusal, ApprovalChanged)


def test_the_decisions_clock_is_read_after_the_wait(agent):
    instants = []

    def note_the_time():
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            instants.extend(cursor.fetchone())

    answer = while_locked(agent, note_the_time, act=lambda: spend(agent))

    [during_the_wait] = instants
    row = Transaction.objects.get(pk=answer.body["id"])
    assert row.created_at > during_the_wait


def test_agents_do_not_wait_for_each_other(agent, people):
    other = make_agent(people.carol, acting=people.alice, name="other")

    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        lock_spender(agent.pk)
        answer = threads.submit(attempt, lambda: spend(other)).result(timeout=60)

    assert answer.body["outcome"] == "allow"


def test_j15_money_is_conserved_over_random_histories(agent, bob, give_policy):
    give_policy(agent, daily_budget="5000.00", allowed_merchants=None)

    def live_a_life(seed: int) -> None:
        dice = random.Random(seed)
        for step in range(12):
            if dice.random() < 0.5:
                amount = f"{dice.choice([40, 90, 510, 620, 1100])}.{seed}{step % 10}"
                spend(agent, amount, merchant=f"Shop {dice.randrange(9)}")
                continue
            waiting = ApprovalRequest.objects.order_by("?").first()
            if waiting is None:
                continue
            act = dice.choice(["approve", "deny", "cancel", "expire"])
            with contextlib.suppress(DomainError):
                resolve(waiting, act)

    def resolve(approval, act) -> None:
        if act == "cancel":
            cancel(approval.transaction_id, acting=principal_of(agent))
        elif act == "expire":
            ApprovalRequest.objects.filter(pk=approval.pk, status="waiting").update(
                expires_at=timezone.now()
            )
            expire_due_approvals(now=timezone.now())
        else:
            verb = approve if act == "approve" else deny_approval
            word_on(approval, bob, verb)()

    at_once(*[lambda seed=seed: live_a_life(seed) for seed in range(8)])

    money_is_conserved(agent)
    assert set_aside_minor() <= 5000_00
    decided = Counter(Decision.objects.values_list("outcome", flat=True))
    activity = AgentActivity.objects.get()
    assert sum(activity.requests_by_hour_of_day) == sum(decided.values())
    approved = ApprovalRequest.objects.filter(status="approved").count()
    assert activity.allowed_count == decided["allow"] + approved
    assert ApprovalRequest.objects.count() == decided["hold"]
    resolved = Counter(ApprovalRequest.objects.values_list("status", flat=True))
    assert len(resolved) > 1, resolved


def test_a_request_that_waits_while_its_credential_is_revoked_is_denied(agent):
    principal = principal_of(agent)

    def revoke():
        AgentCredential.objects.filter(pk=principal.credential_id).update(
            revoked_at=timezone.now()
        )

    def request():
        return request_transaction(
            ask_for(), acting=principal, idempotency_key="k"
        ).body

    body = while_locked(agent, revoke, act=request)

    assert body["outcome"] == "deny"
    assert [reason["code"] for reason in body["reasons"]] == ["credential_revoked"]


def test_a_request_that_waits_while_its_owner_is_deactivated_is_denied(agent):
    principal = principal_of(agent)

    def request():
        return request_transaction(
            ask_for(), acting=principal, idempotency_key="k"
        ).body

    def deactivate():
        User.objects.filter(pk=agent.owner_id).update(is_active=False)

    body = while_locked(agent, deactivate, act=request)

    assert body["outcome"] == "deny"
    assert [reason["code"] for reason in body["reasons"]] == ["owner_inactive"]
