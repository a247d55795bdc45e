"""A human's verdict on a hold: by permission, once, on what they saw, judged again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from audit.base.errors import NotFound
from security.locks.models import ResourceLock
from tests.factories import make_agent
from tests.people import make_person
from tests.spending import (
    approve,
    deny,
    events_since,
    everything,
    held,
    make_due,
    seen_by,
    set_aside_minor,
    spend,
)
from transactions.approvals.services import approvals
from transactions.budgets.models import Reservation
from transactions.errors import (
    ApprovalChanged,
    ApprovalExpired,
    ApprovalResolved,
    NotAllowedToApprove,
    StillRefused,
)
from transactions.risk.models import AgentActivity, MerchantActivity
from transactions.spending.models import Transaction


def test_an_approval_authorizes_and_keeps_the_money_reserved(agent, bob):
    approval = held(agent, "750.00")
    before = everything()["AuditEvent"]

    resolved = approve(approval, bob, reason="A good price.")

    assert (resolved.status, resolved.resolved_by_id) == ("approved", bob.pk)
    assert resolved.reason == "A good price."
    row = Transaction.objects.get()
    assert row.status == "authorized"
    assert resolved.resolved_at is not None
    assert row.expires_at == resolved.resolved_at + timedelta(days=7)
    assert set_aside_minor() == 750_00
    assert Reservation.objects.get().resolved_at is None
    activity = AgentActivity.objects.get()
    assert (activity.waiting_approvals, activity.allowed_count) == (0, 1)
    assert activity.allowed_sum_minor == 750_00
    assert activity.allowed_sum_of_squares == 750_00**2
    assert MerchantActivity.objects.get().allowed_count == 1
    [event] = events_since(before)
    assert (event.action, event.outcome) == ("approval.approved", "success")
    assert (event.actor_kind, event.actor_id) == ("user", bob.pk)
    assert (event.target_kind, event.target_id) == ("approval", approval.pk)
    assert event.owner_id == agent.owner_id
    assert event.details == {
        "reason": "A good price.",
        "transaction": row.pk,
        "mode": "live",
    }


def test_a_denial_declines_and_gives_the_money_back(agent, bob):
    approval = held(agent, "750.00")
    before = everything()["AuditEvent"]

    resolved = deny(approval, bob)

    assert (resolved.status, resolved.resolved_by_id) == ("denied", bob.pk)
    assert Transaction.objects.get().status == "declined"
    assert set_aside_minor() == 0
    reservation = Reservation.objects.get()
    assert reservation.released_minor == reservation.amount_minor
    assert reservation.resolved_at == resolved.resolved_at
    activity = AgentActivity.objects.get()
    assert (activity.waiting_approvals, activity.allowed_count) == (0, 0)
    [event] = events_since(before)
    assert (event.action, event.actor_id) == ("approval.denied", bob.pk)
    assert event.details["reason"] == "Too much."


def test_j14_money_given_back_can_be_spent_once(agent, bob, give_policy):
    give_policy(agent, daily_budget="800.00")
    approval = held(agent, "750.00")
    assert spend(agent, "100.00").body["outcome"] == "deny"

    deny(approval, bob)

    assert spend(agent, "500.00").body["outcome"] == "allow"
    assert spend(agent, "300.01").body["outcome"] == "deny"


@pytest.mark.parametrize("act", [approve, deny])
def test_k4_what_is_resolved_stays_resolved(agent, bob, alice, act):
    for resolve in (approve, deny):
        approval = held(agent, "750.00" if resolve is approve else "751.00")
        digest = seen_by(bob, approval)
        resolve(approval, bob)
        before = everything()

        with pytest.raises(ApprovalResolved):
            act(approval, bob, digest=digest)

        assert everything() == before


@pytest.mark.parametrize("act", [approve, deny])
def test_k12_expiry_is_tested_at_use_and_never_allows(agent, bob, act):
    approval = held(agent, "750.00")
    make_due(approval)
    before = everything()["AuditEvent"]

    with pytest.raises(ApprovalExpired):
        act(approval, bob)

    approval.refresh_from_db()
    assert (approval.status, approval.resolved_by_id) == ("expired", None)
    assert Transaction.objects.get().status == "expired"
    assert set_aside_minor() == 0
    assert AgentActivity.objects.get().waiting_approvals == 0
    events = events_since(before)
    assert {event.action for event in events} == {
        "transaction.expired",
        "approval.expired",
    }
    assert {event.actor_kind for event in events} == {"system"}
    with pytest.raises(ApprovalResolved):
        act(approval, bob)


@pytest.mark.parametrize("act", [approve, deny])
@pytest.mark.parametrize("digest", ["", "0" * 64, "ж", "*"])
def test_k5_an_answer_must_quote_what_was_seen(agent, bob, act, digest):
    approval = held(agent)
    before = everything()

    with pytest.raises(ApprovalChanged):
        act(approval, bob, digest=digest)

    assert everything() == before


@pytest.mark.parametrize("act", [approve, deny])
def test_k5_another_transactions_digest_does_not_fit(agent, bob, act):
    one, two = held(agent, "750.00"), held(agent, "751.00")
    digest = seen_by(bob, two)
    before = everything()

    with pytest.raises(ApprovalChanged):
        act(one, bob, digest=digest)

    assert everything() == before


def test_k5_a_policy_that_changed_after_the_page_loaded(agent, bob, give_policy):
    approval = held(agent)
    digest = seen_by(bob, approval)
    give_policy(agent, daily_budget="5000.00")
    before = everything()

    with pytest.raises(ApprovalChanged):
        approve(approval, bob, digest=digest)

    assert everything() == before
    assert approve(approval, bob).status == "approved"


@pytest.mark.parametrize("act", [approve, deny])
def test_k1_the_owner_and_the_creator_are_refused(people, act):
    """Managers who own or made the agent may see the request, and not decide on it."""
    lead = make_person("frank", User.Role.MANAGER, people.north)
    owned = make_agent(lead, acting=people.alice, name="owned")
    made = make_agent(people.carol, acting=people.bob, name="made")
    for agent, person in ((owned, lead), (made, people.bob), (owned, people.alice)):
        approval = held(agent, f"75{len(agent.name)}.0{len(person.username)}")
        before = everything()

        with pytest.raises(NotAllowedToApprove):
            act(approval, person)

        assert everything() == before


@pytest.mark.parametrize("act", [approve, deny])
def test_a_user_without_the_role_is_refused(agent, people, act):
    approval = held(agent)
    colleague = make_person("grace", User.Role.USER, people.north)
    digest = seen_by(people.bob, approval)
    before = everything()

    for person, error in (
        (people.carol, NotAllowedToApprove),
        (colleague, NotFound),
        (people.dave, NotFound),
    ):
        with pytest.raises(error):
            act(approval, person, digest=digest)

    assert everything() == before


@pytest.mark.parametrize("act", [approve, deny])
def test_c2_another_teams_manager_does_not_know_of_it(agent, people, act):
    approval = held(agent)
    digest = seen_by(people.bob, approval)
    before = everything()

    with pytest.raises(NotFound):
        act(approval, people.eve, digest=digest)
    with pytest.raises(NotFound):
        approvals.approve(
            "apr_unknown", acting=people.bob, reason="", expected_digest=digest
        )

    assert everything() == before


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"role": "user"}, NotAllowedToApprove),
        ({"is_active": False}, NotAllowedToApprove),
        ({"team": None}, NotFound),
    ],
)
@pytest.mark.parametrize("act", [approve, deny])
def test_k6_what_was_lost_between_load_and_post_counts(agent, bob, act, change, error):
    approval = held(agent)
    digest = seen_by(bob, approval)
    User.objects.filter(pk=bob.pk).update(**change)  # bob's object remembers.
    before = everything()

    with pytest.raises(error):
        act(approval, bob, digest=digest)

    assert everything() == before


def test_an_admin_may_decide_where_a_second_admin_made_the_agent(people):
    second = make_person("heidi", User.Role.ADMIN)
    agent = make_agent(people.carol, acting=second)

    assert approve(held(agent), people.alice).status == "approved"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("agent", "resource_locked"),
        ("user", "resource_locked"),
        ("merchant", "resource_locked"),
        ("everything", "resource_locked"),
    ],
)
def test_m6_a_lock_beats_a_waiting_approval(agent, bob, kind, code):
    approval = held(agent)
    target = {"agent": agent.pk, "user": agent.owner_id, "merchant": "amazon"}
    lock = ResourceLock.objects.create(
        kind=kind, target_id=target.get(kind, ""), reason="x", locked_by="x"
    )

    assert_still_refused(approval, bob, code)

    ResourceLock.objects.filter(pk=lock.pk).update(released_at=timezone.now())
    assert approve(approval, bob).status == "approved"


def test_a_human_lifts_a_hold_never_a_deny(agent, bob, give_policy):
    approval = held(agent, "750.00")

    for terms, code in (
        ({"max_transaction_amount": "700.00"}, "amount_above_maximum"),
        ({"allowed_merchants": ["Walmart"]}, "merchant_not_allowed"),
        (
            {"blocked_categories": ["electronics"]},
            "category_blocked",
        ),
        ({"daily_budget": "749.99"}, "daily_budget_exceeded"),
        ({"currency": "EUR"}, "currency_mismatch"),
    ):
        give_policy(agent, **terms)
        assert_still_refused(approval, bob, code)
    type(agent).objects.filter(pk=agent.pk).update(is_active=False)
    assert_still_refused(approval, bob, "agent_inactive", "currency_mismatch")


def assert_still_refused(approval, person, *codes):
    before = everything()

    with pytest.raises(StillRefused) as refusal:
        approve(approval, person)

    assert [reason["code"] for reason in refusal.value.reasons] == list(codes)
    after = everything()
    [event] = events_since(before["AuditEvent"])
    assert (event.action, event.outcome) == ("approval.refused", "refused")
    assert (event.actor_id, event.target_id) == (person.pk, approval.pk)
    assert event.details["reasons"] == list(codes)
    del before["AuditEvent"], after["AuditEvent"]
    assert after == before  # It waits on, the money stays reserved.
    approval.refresh_from_db()
    assert approval.status == "waiting"


def test_the_own_reservation_does_not_count_against_itself(agent, bob, give_policy):
    give_policy(agent, daily_budget="750.00")
    approval = held(agent, "750.00")

    assert approve(approval, bob).status == "approved"


def test_others_reservations_count_when_the_budget_was_lowered(agent, bob, give_policy):
    give_policy(agent, daily_budget="2000.00")
    approval = held(agent, "750.00")
    spend(agent, "300.00")
    give_policy(agent, daily_budget="1049.99")

    assert_still_refused(approval, bob, "daily_budget_exceeded")
    give_policy(agent, daily_budget="1050.00")
    assert approve(approval, bob).status == "approved"


def test_a_denial_is_possible_whatever_the_rules_say(agent, bob, give_policy):
    approval = held(agent)
    give_policy(agent, allowed_merchants=[])
    ResourceLock.objects.create(kind="agent", target_id=agent.pk, locked_by="x")

    assert deny(approval, bob).status == "denied"


def test_looking_at_an_approval_is_told_to_the_log(agent, people):
    approval = held(agent)
    before = everything()["AuditEvent"]

    found = approvals.view_approval(approval.pk, acting=people.bob)

    assert found.pk == approval.pk
    [event] = events_since(before)
    assert (event.action, event.actor_id) == ("approval.viewed", people.bob.pk)
    with pytest.raises(NotFound):
        approvals.view_approval(approval.pk, acting=people.eve)
