"""Deciding in another's place: for a stated time, within their limits, as one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import User
from accounts.services.people import update_user
from audit.base.core.readers import rfc3339
from audit.base.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.errors import StepUpRequired
from tests.factories import make_agent
from tests.people import make_person
from tests.spending import approve, deny, everything, held, seen_by
from tests.transactions.approving import ADMINS, TWO_PEOPLE, delegate
from transactions.approvals.models import ApprovalVote
from transactions.approvals.queries.approvals import approval_queue
from transactions.approvers.models import ApprovalDelegation
from transactions.approvers.services.delegations import (
    create_delegation,
    revoke_delegation,
)
from transactions.approvers.services.limits import set_approver_limit
from transactions.errors import (
    AboveOwnLimit,
    AlreadyApproved,
    DelegationEnded,
    DelegationRefused,
    NotAllowedToApprove,
)


@pytest.fixture
def frank(people):
    """A second manager of team North."""
    return make_person("frank", User.Role.MANAGER, people.north)


def queued(person):
    return [one.pk for one in approval_queue(person, now=timezone.now())]


def test_a_delegate_decides_in_the_delegators_scope(agent, people):
    """eve manages another team, and sees nothing of this one by herself."""
    approval = held(agent)
    assert queued(people.eve) == []
    delegation = delegate(people.bob, people.eve)

    assert queued(people.eve) == [approval.pk]
    assert approve(approval, people.eve).status == "approved"

    vote = ApprovalVote.objects.get()
    assert (vote.person, vote.delegation) == (people.eve, delegation)
    event = AuditEvent.objects.get(action="approval.approved")
    assert (event.actor_id, event.details["on_behalf_of"]) == (
        people.eve.pk,
        people.bob.pk,
    )


def test_a_denial_in_anothers_place_says_so(agent, people):
    approval = held(agent)
    delegate(people.bob, people.eve)

    assert deny(approval, people.eve).status == "denied"
    event = AuditEvent.objects.get(action="approval.denied")
    assert event.details["on_behalf_of"] == people.bob.pk


def test_an_admins_delegate_has_the_admins_role(agent, people, give_policy):
    give_policy(agent, approval_levels=ADMINS)
    heidi = make_person("heidi", User.Role.ADMIN)
    approval = held(agent)
    delegate(heidi, people.bob)

    assert approve(approval, people.bob).status == "approved"


@pytest.mark.parametrize("act", [approve, deny])
@pytest.mark.parametrize(
    ("who", "bobs_refusal"),
    [("delegator", NotAllowedToApprove), ("delegate", NotFound)],
)
def test_k1_nobody_decides_by_a_delegate_what_is_theirs(people, who, bobs_refusal, act):
    """Neither what is the delegator's own, nor what is the delegate's."""
    owner = people.bob if who == "delegator" else people.eve
    agent = make_agent(owner, acting=people.alice, name="own")
    approval = held(agent)
    delegate(people.bob, people.eve)
    heidi = make_person("heidi", User.Role.ADMIN)
    delegate(heidi, owner)
    digest = seen_by(heidi, approval)
    before = everything()

    for person, refusal in (
        (people.bob, bobs_refusal),
        (people.eve, NotAllowedToApprove),
    ):
        with pytest.raises(refusal):
            act(approval, person, digest=digest)
    assert queued(people.bob) == queued(people.eve) == []
    assert everything() == before


def test_k11_delegate_and_delegator_count_as_one(agent, people, frank, give_policy):
    give_policy(agent, approval_levels=TWO_PEOPLE)
    approval = held(agent)
    delegate(people.bob, people.eve)
    approve(approval, people.eve)
    before = everything()

    for person in (people.bob, people.eve):
        with pytest.raises(AlreadyApproved):
            approve(approval, person)

    assert everything() == before
    assert approve(approval, frank).status == "approved"


def test_k11_who_spoke_does_not_speak_again_for_another(
    agent, people, frank, give_policy
):
    give_policy(agent, approval_levels=TWO_PEOPLE)
    approval = held(agent)
    delegate(people.bob, frank)
    approve(approval, frank)
    assert ApprovalVote.objects.get().delegation is None  # Their own right first.

    with pytest.raises(AlreadyApproved):
        approve(approval, frank)
    assert approve(approval, people.bob).status == "approved"


@pytest.mark.parametrize("when", ["before", "after", "revoked"])
def test_the_clock_decides_at_use(agent, people, when):
    approval = held(agent)
    digest = seen_by(people.bob, approval)
    later = timezone.now() + timedelta(hours=1)
    delegation = delegate(
        people.bob, people.eve, starts_at=later if when == "before" else None
    )
    if when == "after":
        ApprovalDelegation.objects.update(
            starts_at=timezone.now() - timedelta(days=2),
            ends_at=timezone.now() - timedelta(seconds=1),
        )
    if when == "revoked":
        revoke_delegation(delegation.pk, acting=people.bob)
    before = everything()

    with pytest.raises(NotFound):
        approve(approval, people.eve, digest=digest)

    assert queued(people.eve) == []
    assert everything() == before


@pytest.mark.parametrize(
    ("who", "refusal"), [("bob", NotFound), ("eve", NotAllowedToApprove)]
)
def test_k6_both_need_the_right_at_use(agent, people, who, refusal):
    approval = held(agent)
    delegate(people.bob, people.eve)
    digest = seen_by(people.eve, approval)
    User.objects.filter(pk=getattr(people, who).pk).update(role="user")
    before = everything()

    with pytest.raises(refusal):
        approve(approval, people.eve, digest=digest)

    assert everything() == before


@pytest.mark.parametrize("who", ["bob", "eve"])
@pytest.mark.parametrize(
    "change", [{"is_active": False}, {"role": "user"}, {"team": None}], ids=str
)
def test_c19_nobody_decides_for_or_as_somebody_who_is_no_longer_who_they_were(
    agent, people, who, change
):
    approval = held(agent)
    delegation = delegate(people.bob, people.eve)
    digest = seen_by(people.eve, approval)
    update_user(user=getattr(people, who), acting=people.alice, **change)
    eve = User.objects.get(pk=people.eve.pk)
    before = everything()

    with pytest.raises((NotFound, NotPermitted, NotAllowedToApprove)):
        approve(approval, eve, digest=digest)

    assert everything() == before
    delegation = ApprovalDelegation.objects.get(pk=delegation.pk)
    assert delegation.is_void == ("team" in change)


def test_c19_who_comes_back_to_their_team_decides_again(agent, people):
    approval = held(agent)
    delegate(people.bob, people.eve)
    for team in (people.north, people.south):
        update_user(user=people.eve, acting=people.alice, team=team)

    eve = User.objects.get(pk=people.eve.pk)
    assert approve(approval, eve).status == "approved"


def test_what_was_said_under_a_revoked_delegation_no_longer_counts(
    agent, people, frank, give_policy
):
    give_policy(agent, approval_levels=TWO_PEOPLE)
    approval = held(agent)
    delegation = delegate(people.bob, people.eve)
    approve(approval, people.eve)
    revoke_delegation(delegation.pk, acting=people.bob)

    assert approve(approval, frank).status == "waiting"
    assert approve(approval, people.bob).status == "approved"


def test_a_delegate_has_the_delegators_limit(agent, people):
    set_approver_limit(people.bob, (700_00, "USD"), acting=people.alice)
    approval = held(agent, "750.00")
    delegate(people.bob, people.eve)

    with pytest.raises(AboveOwnLimit):
        approve(approval, people.eve)


def test_a_delegation_is_not_passed_on(agent, people):
    approval = held(agent)
    delegate(people.bob, people.eve)
    heidi = make_person("heidi", User.Role.MANAGER)
    delegate(people.eve, heidi)

    assert queued(heidi) == []
    with pytest.raises(NotFound):
        approve(approval, heidi, digest=seen_by(people.bob, approval))


def test_a_delegation_is_told_to_the_log(people):
    delegation = delegate(people.bob, people.eve, days=30)

    event = AuditEvent.objects.get(action="delegation.created")
    assert (event.actor_id, event.owner_id) == (people.bob.pk, people.bob.pk)
    assert event.details == {
        "delegate": people.eve.pk,
        "starts_at": rfc3339(delegation.starts_at),
        "ends_at": rfc3339(delegation.ends_at),
        "reason": "On holiday.",
    }
    revoke_delegation(delegation.pk, acting=people.eve)
    assert AuditEvent.objects.filter(action="delegation.revoked").count() == 1


@pytest.mark.parametrize("to", ["carol", "bob", "nobody", "gone"])
def test_only_another_active_approver_is_a_delegate(people, to):
    gone = make_person("gone", User.Role.MANAGER, people.north)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    ids = {"nobody": "usr_0", "gone": gone.pk}
    wanted = ids.get(to) or getattr(people, to).pk
    before = everything()

    with pytest.raises(DelegationRefused) as refusal:
        create_delegation(
            wanted,
            starts_at=None,
            ends_at=timezone.now() + timedelta(days=1),
            reason="x",
            acting=people.bob,
        )

    assert refusal.value.pointer == "/delegate"
    assert everything() == before


@pytest.mark.parametrize("days", [-1, 0, 30.01])
def test_a_delegation_lasts_thirty_days_at_most(people, days):
    with pytest.raises(DelegationRefused) as refusal:
        delegate(people.bob, people.eve, days=days)

    assert refusal.value.pointer == "/ends_at"
    assert not ApprovalDelegation.objects.exists()


def test_a_delegation_never_begins_before_it_was_made(people):
    yesterday = timezone.now() - timedelta(days=1)

    made = delegate(people.bob, people.eve, starts_at=yesterday, days=2)

    assert made.starts_at == made.created_at


def test_delegating_takes_the_right_and_a_fresh_proof(people):
    with pytest.raises(NotPermitted):
        delegate(people.carol, people.bob)
    people.bob.authenticated_at = timezone.now() - timedelta(minutes=6)
    with pytest.raises(StepUpRequired):
        delegate(people.bob, people.eve)
    assert not ApprovalDelegation.objects.exists()


def test_there_are_twenty_at_a_time_at_most(people):
    for _ in range(20):
        delegation = delegate(people.bob, people.eve)

    with pytest.raises(DelegationRefused):
        delegate(people.bob, people.eve)
    revoke_delegation(delegation.pk, acting=people.bob)
    delegate(people.bob, people.eve)


def test_only_the_two_and_administrators_end_a_delegation_once(people, frank):
    delegation = delegate(people.bob, people.eve)

    with pytest.raises(NotFound):
        revoke_delegation(delegation.pk, acting=frank)
    revoke_delegation(delegation.pk, acting=people.alice)
    with pytest.raises(DelegationEnded):
        revoke_delegation(delegation.pk, acting=people.bob)


def test_a_delegation_of_before_holds_where_both_are_now(people, as_owner):
    delegate(people.bob, people.eve)
    call_command("migrate", "transactions", "0009_newest", verbosity=0)

    call_command("migrate", verbosity=0)

    delegation = ApprovalDelegation.objects.get()
    teams = (delegation.delegator_team_id, delegation.delegate_team_id)
    assert teams == (people.north.pk, people.south.pk)
