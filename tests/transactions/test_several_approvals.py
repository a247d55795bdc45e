"""Holds that take several people, or a higher role: by amount, in levels, over time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from security.locks.models import ResourceLock
from tests.people import make_person
from tests.spending import (
    approve,
    deny,
    events_since,
    everything,
    held,
    make_due,
    principal_of,
    seen_by,
    set_aside_minor,
    spend,
)
from tests.transactions.approving import ADMINS, TWO_PEOPLE, let_escalate
from transactions.approvals.models import ApprovalRequest, ApprovalVote
from transactions.approvals.queries.approvals import (
    approval_for,
    approval_queue,
    progress_of,
)
from transactions.approvals.services.times import (
    escalate_due_approvals,
    expire_due_approvals,
)
from transactions.errors import (
    AlreadyApproved,
    ApprovalChanged,
    ApprovalExpired,
    ApprovalResolved,
    LevelAboveRole,
    StillRefused,
)
from transactions.risk.models import AgentActivity
from transactions.spending.models import Transaction
from transactions.spending.services.lifecycle import cancel


@pytest.fixture
def frank(people):
    """A second manager of team North."""
    return make_person("frank", User.Role.MANAGER, people.north)


@pytest.fixture
def heidi(people):
    """An admin who has nothing to do with the agent."""
    return make_person("heidi", User.Role.ADMIN)


@pytest.fixture
def two(agent, give_policy):
    """What is held until two people agree."""
    give_policy(agent, approval_levels=TWO_PEOPLE)
    return held(agent, "750.00")


def queued(person):
    return [one.pk for one in approval_queue(person, now=timezone.now())]


def progress(approval, person):
    found = approval_for(person, approval.pk)
    return progress_of(found, person, now=timezone.now())


def test_the_second_of_two_people_authorizes(two, bob, frank):
    before = everything()["AuditEvent"]

    first = approve(two, bob, reason="Ordered.")

    assert (first.status, first.resolved_by_id) == ("waiting", None)
    assert Transaction.objects.get().status == "pending_approval"
    assert AgentActivity.objects.get().allowed_count == 0
    [event] = events_since(before)
    assert (event.action, event.actor_id) == ("approval.voted", bob.pk)
    assert event.details == {
        "reason": "Ordered.",
        "transaction": two.transaction_id,
        "mode": "live",
        "approvals": 1,
        "required_approvals": 2,
    }
    assert (queued(bob), queued(frank)) == ([], [two.pk])

    second = approve(two, frank, reason="Seen.")

    assert (second.status, second.resolved_by_id) == ("approved", frank.pk)
    assert Transaction.objects.get().status == "authorized"
    assert set_aside_minor() == 750_00
    assert AgentActivity.objects.get().allowed_count == 1
    votes = ApprovalVote.objects.order_by("created_at")
    assert [(v.person_id, v.reason, v.required_role) for v in votes] == [
        (bob.pk, "Ordered.", "manager"),
        (frank.pk, "Seen.", "manager"),
    ]
    assert {vote.action_digest for vote in votes} == {two.action_digest}


def test_k11_the_same_person_twice_counts_once(two, bob):
    approve(two, bob)
    before = everything()

    with pytest.raises(AlreadyApproved):
        approve(two, bob)

    assert everything() == before


def test_one_denial_denies_whatever_others_said(two, bob, frank):
    approve(two, bob)

    assert deny(two, frank).status == "denied"
    assert Transaction.objects.get().status == "declined"
    assert set_aside_minor() == 0


def test_whoever_agreed_may_still_deny(two, bob):
    approve(two, bob)

    assert deny(two, bob).status == "denied"


@pytest.mark.parametrize(
    "lost",
    [{"role": "user"}, {"is_active": False}, {"team": None}],
)
def test_k6_who_lost_the_right_since_no_longer_counts(two, people, frank, heidi, lost):
    approve(two, people.bob)
    User.objects.filter(pk=people.bob.pk).update(**lost)

    assert approve(two, frank).status == "waiting"
    shown = progress(two, heidi)
    assert (shown.given, shown.missing) == (1, 1)
    assert [vote.person_id for vote in shown.void_votes] == [people.bob.pk]
    assert approve(two, heidi).status == "approved"


def test_k6_who_was_stopped_since_no_longer_counts(two, people, frank):
    approve(two, people.bob)
    lock = ResourceLock.objects.create(kind="user", target_id=people.bob.pk)

    assert approve(two, frank).status == "waiting"
    ResourceLock.objects.filter(pk=lock.pk).update(released_at=timezone.now())
    assert progress(two, frank).given == 2


def test_k5_a_vote_under_another_policy_no_longer_counts(
    two, agent, bob, frank, give_policy
):
    approve(two, bob)
    stale = seen_by(frank, two)
    give_policy(agent, approval_levels=TWO_PEOPLE, daily_budget="5000.00")

    with pytest.raises(ApprovalChanged):
        approve(two, frank, digest=stale)
    assert progress(two, frank).given == 0
    assert approve(two, frank).status == "waiting"
    assert approve(two, bob).status == "approved"
    assert ApprovalVote.objects.filter(person=bob).count() == 2


def test_a_request_keeps_the_level_that_it_was_made_with(
    two, agent, bob, frank, give_policy
):
    give_policy(agent)

    assert approve(two, bob).status == "waiting"
    assert approve(two, frank).status == "approved"


def test_hard_rules_are_judged_at_each_word(two, agent, bob, frank, people):
    approve(two, bob)
    ResourceLock.objects.create(kind="agent", target_id=agent.pk, locked_by="x")
    before = everything()

    with pytest.raises(StillRefused):
        approve(two, frank)

    after = everything()
    assert events_since(before.pop("AuditEvent"))[0].action == "approval.refused"
    del after["AuditEvent"]
    assert after == before


@pytest.mark.parametrize(
    ("amount", "approvals", "role"),
    [
        ("500.01", 2, "manager"),
        ("800.00", 2, "manager"),
        ("800.01", 3, "admin"),
    ],
)
def test_the_amount_chooses_the_level(agent, give_policy, amount, approvals, role):
    levels = [*TWO_PEOPLE, {"above": "800.00", "approvals": 3, "role": "admin"}]
    give_policy(agent, approval_levels=levels, approval_expires_after_minutes=90)

    approval = held(agent, amount)

    assert (approval.required_approvals, approval.required_role) == (approvals, role)
    assert approval.expires_at == approval.created_at + timedelta(minutes=90)
    assert approval.escalates_at is None


def test_doubt_about_a_small_amount_takes_one_person(agent, give_policy, bob):
    give_policy(agent, approval_levels=TWO_PEOPLE)
    spend(agent, "20.00")

    approval = held(agent, "20.00")  # Repeated.

    assert (approval.required_approvals, approval.required_role) == (1, "manager")
    assert approve(approval, bob).status == "approved"


@pytest.mark.parametrize(("act", "ending"), [(approve, "approved"), (deny, "denied")])
def test_a_lower_role_than_the_level_asks_for_is_refused(
    agent, give_policy, bob, heidi, act, ending
):
    give_policy(agent, approval_levels=ADMINS)
    approval = held(agent)
    before = everything()

    with pytest.raises(LevelAboveRole):
        act(approval, bob)

    assert everything() == before
    assert (queued(bob), queued(heidi)) == ([], [approval.pk])
    assert act(approval, heidi).status == ending


@pytest.mark.parametrize("is_swept", [True, False])
@pytest.mark.parametrize(("act", "ending"), [(approve, "approved"), (deny, "denied")])
def test_after_its_time_the_next_higher_role_decides(
    agent, give_policy, bob, heidi, act, ending, is_swept
):
    give_policy(agent, approval_escalates_after_minutes=30)
    approval = held(agent)
    assert approval.escalates_at == approval.created_at + timedelta(minutes=30)
    let_escalate(approval)
    if is_swept:
        escalate_due_approvals(now=timezone.now())
    before = everything()

    with pytest.raises(LevelAboveRole):
        act(approval, bob)

    assert everything() == before
    assert (queued(bob), queued(heidi)) == ([], [approval.pk])
    assert act(approval, heidi).status == ending


def test_an_escalation_is_told_once(agent, give_policy):
    give_policy(agent, approval_escalates_after_minutes=30)
    approval = held(agent)
    now = timezone.now()
    assert escalate_due_approvals(now=now) == 0
    let_escalate(approval)

    assert escalate_due_approvals(now=now) == 1
    assert escalate_due_approvals(now=now) == 0

    event = AuditEvent.objects.get(action="approval.escalated")
    assert (event.actor_kind, event.target_id) == ("system", approval.pk)
    assert event.details["role"] == "admin"
    assert ApprovalRequest.objects.get().escalated_at is not None


def test_what_expired_or_was_resolved_does_not_escalate(agent, give_policy, bob):
    give_policy(agent, approval_escalates_after_minutes=30)
    late, done = held(agent, "750.00"), held(agent, "751.00")
    deny(done, bob)
    for approval in (late, done):
        let_escalate(approval)
    make_due(late)

    assert escalate_due_approvals(now=timezone.now()) == 0
    assert not AuditEvent.objects.filter(action="approval.escalated").exists()


def test_a_managers_word_before_the_escalation_counts(
    agent, give_policy, bob, frank, heidi
):
    """It was asked of managers when it was given; what is missing, admins give."""
    levels = TWO_PEOPLE
    give_policy(agent, approval_levels=levels, approval_escalates_after_minutes=30)
    approval = held(agent)
    approve(approval, bob)
    let_escalate(approval)

    with pytest.raises(LevelAboveRole):
        approve(approval, frank)
    assert approve(approval, heidi).status == "approved"


def test_what_admins_decide_from_the_start_has_nobody_to_go_to(agent, give_policy):
    give_policy(agent, approval_levels=ADMINS, approval_escalates_after_minutes=30)

    assert held(agent).escalates_at is None


@pytest.mark.parametrize("act", [approve, deny])
def test_k12_votes_that_were_too_few_authorize_nothing_in_the_end(two, bob, frank, act):
    approve(two, bob)
    make_due(two)

    with pytest.raises(ApprovalExpired):
        act(two, frank)

    assert Transaction.objects.get().status == "expired"
    assert set_aside_minor() == 0


@pytest.mark.parametrize("end", ["deny", "expire", "cancel"])
def test_what_was_not_approved_burns_no_limit(agent, give_policy, bob, end):
    """Budget, waiting places and the agent's own habits are as if never asked."""
    give_policy(agent, daily_budget="750.00", approval_levels=TWO_PEOPLE)
    approval = held(agent, "750.00")
    approve(approval, bob)
    if end == "deny":
        deny(approval, bob)
    elif end == "expire":
        make_due(approval)
        assert expire_due_approvals(now=timezone.now()) == 1
    else:
        cancel(approval.transaction_id, acting=principal_of(agent))

    activity = AgentActivity.objects.get()
    assert (activity.waiting_approvals, activity.allowed_count) == (0, 0)
    assert activity.allowed_sum_minor == 0
    assert sum(activity.just_below_by_minute) == 0
    assert set_aside_minor() == 0
    assert held(agent, "749.00").status == "waiting"
    with pytest.raises(ApprovalResolved):
        approve(approval, bob)


def test_a_vote_is_history(two, bob):
    approve(two, bob)

    for change in (
        lambda: ApprovalVote.objects.update(reason="Other."),
        lambda: ApprovalVote.objects.all().delete(),
    ):
        denied = "permission denied for table transactions_approvalvote"
        with pytest.raises(DatabaseError, match=denied), transaction.atomic():
            change()
    assert ApprovalVote.objects.get().reason == "Fine."
