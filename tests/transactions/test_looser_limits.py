"""C15: looser shared budgets and limits of approvers wait for a second person."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.services.people import create_user
from audit.base.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.changes.models import ChangeRequest
from security.changes.services import approve_change, reject_change
from security.errors import ChangeSuperseded, OwnChangeRefused
from tests.factories import make_agent
from tests.people import make_person
from tests.spending import everything, spend
from tests.transactions.sharing import POLICY, reasons, share, used
from tests.transactions.test_races import at_once
from transactions.approvers.models import ApproverLimit
from transactions.approvers.services.limits import set_approver_limit
from transactions.budgets.models import SharedBudget

ZONE = "Etc/GMT+3"


def limit_bob(person, limit, *, people):
    person.refresh_from_db()
    return set_approver_limit(people.bob, limit, acting=person)


def bobs_limit():
    return ApproverLimit.objects.values_list("amount_minor", "currency").first()


def shared_limit():
    return SharedBudget.objects.values_list(
        "limit_minor", "time_zone", "is_active"
    ).get()


def but_requests():
    """Return all rows but those that say that somebody asked."""
    rows = everything()
    del rows["ChangeRequest"], rows["AuditEvent"]
    return rows


@pytest.fixture(params=["shared_budget", "approver_limit"])
def kind(request, people, alice):
    """A limit of either kind, in force, how it is set, and a looser one."""
    if request.param == "shared_budget":
        share(alice, 100_00, people.north)
        return SimpleNamespace(
            name=request.param,
            owner=alice,
            set=lambda person, limit: share(person, limit, people.north),
            looser=200_00,
            looser_yet=300_00,
            tighter=50_00,
            now=lambda: shared_limit()[0],
            start=100_00,
        )
    limit_bob(alice, (100_00, "USD"), people=people)
    return SimpleNamespace(
        name=request.param,
        owner=people.bob,
        set=partial(limit_bob, people=people),
        looser=(200_00, "USD"),
        looser_yet=None,
        tighter=(50_00, "USD"),
        now=bobs_limit,
        start=(100_00, "USD"),
    )


@pytest.mark.parametrize(
    ("terms", "changes", "after"),
    [
        (
            {"limit_minor": 200_00},
            {"limit": ["100.00 USD", "200.00 USD"]},
            (200_00, "UTC", True),
        ),
        (
            {"limit_minor": 50_00, "is_active": False},
            {"limit": ["100.00 USD", "50.00 USD"], "active": [True, False]},
            (50_00, "UTC", False),
        ),
        (
            {"limit_minor": 100_00, "time_zone": ZONE},
            {"time_zone": ["UTC", ZONE]},
            (100_00, ZONE, True),
        ),
    ],
    ids=["higher", "off", "zone"],
)
def test_c15_a_looser_shared_budget_waits_for_a_second_administrator(
    people, admins, terms, changes, after
):
    alice, grace = admins
    budget = share(alice, 100_00, people.north)
    before = but_requests()

    change = share(alice, team=people.north, **terms)

    assert (change.kind, change.status) == ("shared_budget", "waiting")
    assert (change.target_id, change.target_label) == (budget.pk, "North, Day, USD")
    assert change.changes == changes
    assert but_requests() == before

    approve_change(change.pk, acting=grace)

    assert shared_limit() == after
    event = AuditEvent.objects.filter(action="shared_budget.set").latest("id")
    assert (event.actor_id, event.details["change_request"]) == (grace.pk, change.pk)


def test_c15_until_then_the_lower_limit_of_a_shared_budget_holds(people, admins):
    alice, grace = admins
    agent = make_agent(people.carol, acting=alice, policy=POLICY)
    budget = share(alice, 50_00, people.north)
    change = share(alice, 60_00, people.north)

    assert reasons(spend(agent, "50.01").body) == ["shared_budget_exceeded"]
    approve_change(change.pk, acting=grace)

    assert spend(agent, "60.00").body["outcome"] == "allow"
    assert used(budget) == (60_00, 0, 0)


@pytest.mark.parametrize("period", ["day", "all_time"])
def test_c15_tightening_a_shared_budget_is_immediate(people, admins, period):
    alice, grace = admins
    set_to = partial(share, alice, team=people.north, period=period)
    set_to(100_00)
    set_to(90_00)
    assert shared_limit() == (90_00, "UTC", True)
    approve_change(set_to(90_00, is_active=False).pk, acting=grace)

    # Switched off it limits nothing, so that no term of it is looser.
    set_to(300_00, time_zone=ZONE, is_active=False)
    assert shared_limit() == (300_00, ZONE, False)
    set_to(400_00)

    assert shared_limit() == (400_00, "UTC", True)
    assert ChangeRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("limit", "spoken"),
    [((100_01, "USD"), "100.01 USD"), ((1, "JPY"), "1 JPY"), (None, None)],
    ids=["higher", "currency", "none"],
)
def test_c15_a_looser_limit_of_an_approver_waits_for_a_second_administrator(
    people, admins, limit, spoken
):
    alice, grace = admins
    limit_bob(alice, (100_00, "USD"), people=people)
    before = but_requests()

    change = limit_bob(alice, limit, people=people)

    assert (change.kind, change.status) == ("approver_limit", "waiting")
    assert (change.target_id, change.target_label) == (people.bob.pk, "bob")
    assert change.changes == {"approval_limit": ["100.00 USD", spoken]}
    assert but_requests() == before

    approve_change(change.pk, acting=grace)

    assert bobs_limit() == limit
    event = AuditEvent.objects.filter(action="approver_limit.set").latest("id")
    assert (event.actor_id, event.details) == (
        grace.pk,
        {"changes": change.changes, "change_request": change.pk},
    )


def test_c15_tightening_an_approvers_limit_is_immediate(people, alice):
    for limit in ((100_00, "USD"), (99_99, "USD"), (99_99, "USD"), (0, "USD")):
        assert limit_bob(alice, limit, people=people) is None
        assert bobs_limit() == limit


def test_c15_neither_who_asked_nor_an_account_of_theirs_agrees(kind, alice):
    second = make_person("second", User.Role.ADMIN)
    second.same_person_as = alice
    second.save(update_fields=["same_person_as"])
    made = create_user(username="made", role=User.Role.ADMIN, acting=alice)
    made.authenticated_at = timezone.now()
    change = kind.set(alice, kind.looser)
    before = everything()

    with pytest.raises(OwnChangeRefused):
        approve_change(change.pk, acting=alice)
    for person in (second, made):
        with pytest.raises(NotFound):
            approve_change(change.pk, acting=person)

    assert everything() == before


def test_c15_neither_the_approver_nor_a_manager_agrees(kind, people, alice):
    change = kind.set(alice, kind.looser)
    before = everything()

    expected = OwnChangeRefused if kind.owner == people.bob else NotFound
    with pytest.raises(expected):
        approve_change(change.pk, acting=people.bob)
    with pytest.raises(NotFound):
        approve_change(change.pk, acting=people.eve)

    assert everything() == before


def test_c15_an_approver_who_may_agree_to_others_does_not_agree_to_their_own(
    people, admins
):
    alice, grace = admins
    set_approver_limit(grace, (1, "USD"), acting=alice)
    change = set_approver_limit(grace, None, acting=alice)
    second = make_person("second", User.Role.ADMIN)
    second.same_person_as = grace
    second.save(update_fields=["same_person_as"])
    before = everything()

    with pytest.raises(OwnChangeRefused):
        approve_change(change.pk, acting=grace)
    with pytest.raises(NotFound):
        approve_change(change.pk, acting=second)

    assert everything() == before


def test_c15_what_was_changed_meanwhile_is_not_overwritten(kind, admins):
    alice, grace = admins
    change = kind.set(alice, kind.looser)
    kind.set(grace, kind.tighter)

    with pytest.raises(ChangeSuperseded):
        approve_change(change.pk, acting=grace)

    change.refresh_from_db()
    assert (change.status, kind.now()) == ("superseded", kind.tighter)


def test_c15_whoever_asked_must_still_be_entitled_to(kind, admins):
    alice, grace = admins
    change = kind.set(alice, kind.looser)
    alice.role = User.Role.MANAGER
    alice.save(update_fields=["role"])

    with pytest.raises(ChangeSuperseded, match="may no longer"):
        approve_change(change.pk, acting=grace)

    assert kind.now() == kind.start


def test_c15_whoever_asked_must_not_have_become_the_approver(people, admins):
    alice, grace = admins
    limit_bob(alice, (1, "USD"), people=people)
    change = limit_bob(alice, None, people=people)
    User.objects.filter(pk=alice.pk).update(same_person_as=people.bob)

    with pytest.raises(ChangeSuperseded, match="may no longer"):
        approve_change(change.pk, acting=grace)

    assert bobs_limit() == (1, "USD")


def test_c15_a_rejected_limit_stays_and_may_be_asked_for_once_more(kind, admins):
    alice, grace = admins
    change = kind.set(alice, kind.looser)
    assert kind.set(alice, kind.looser).pk == change.pk
    reject_change(change.pk, acting=grace, reason="Too much.")
    assert kind.now() == kind.start

    other = kind.set(alice, kind.looser_yet)
    approve_change(other.pk, acting=grace)

    assert kind.now() == kind.looser_yet


def test_c15_one_person_alone_loosens_and_the_log_says_so(kind, alice, settings):
    settings.FOUR_EYES = False

    kind.set(alice, kind.looser)

    assert kind.now() == kind.looser
    assert not ChangeRequest.objects.exists()
    event = AuditEvent.objects.filter(action=f"{kind.name}.set").latest("id")
    assert event.details["four_eyes"] == "off"


def test_c15_who_may_not_set_limits_asks_for_none(kind, people):
    before = everything()

    with pytest.raises(NotPermitted):
        kind.set(people.eve, kind.looser)

    assert everything() == before


def test_c15_asking_and_agreeing_at_once_never_wait_for_each_other(
    committed_db, people, admins
):
    """Both take the budget's row before the request's."""
    alice, grace = admins
    share(alice, 100_00, people.north)
    agent = make_agent(people.carol, acting=alice, policy=POLICY)
    change = share(alice, 100_00, people.north, time_zone=ZONE)

    results = at_once(
        lambda: approve_change(change.pk, acting=grace),
        lambda: share(alice, 300_00, people.north),
        lambda: spend(agent, "10.00").body["outcome"],
    )

    change.refresh_from_db()
    assert change.status in ("approved", "superseded")
    assert shared_limit()[0] == 100_00
    assert results[2] == "allow"
    assert ChangeRequest.objects.filter(status="waiting").count() == 1
