"""An agent gets another owner, and nobody approves their own spending by it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.models import User
from accounts.services.people import create_user
from agents.errors import HandOverRefused, NameTaken, OwnerRefused
from agents.models import AgentCredential, AgentHandOver
from agents.services.credentials import issue_credential
from audit.base.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.changes.models import ChangeRequest
from security.changes.queries import change_requests_visible_to
from security.changes.services import approve_change
from security.errors import (
    ChangeSuperseded,
    OwnChangeRefused,
    ReasonMissing,
    StepUpRequired,
)
from security.locks.services import lock_resource
from tests.factories import make_agent
from tests.people import SETUP, make_person
from tests.spending import everything, spend
from tests.transactions.handing_over import WHY, ask, hand_over
from tests.transactions.moving import act
from tests.transactions.sharing import share
from tests.transactions.test_standing import deactivate_owner
from transactions.budgets.models import Reservation
from transactions.dashboard.queries import dashboard_for
from transactions.hand_overs.services import hand_over_agent

REFUSED = re.compile("permission denied|are history")


@pytest.fixture
def other_admin(people):
    return make_person("grace", User.Role.ADMIN)


def test_the_agent_of_who_left_is_another_persons_once_a_second_one_agrees(
    agent, people, pair, heir
):
    bob, frank = pair
    deactivate_owner(agent)
    credential = issue_credential(agent.pk, acting=people.alice)
    assert spend(agent).body["outcome"] == "deny"

    change = ask(agent, heir, bob)

    assert (change.kind, change.target_id) == ("agent_owner", agent.pk)
    assert change.changes["owner"] == ["carol", "heir"]
    assert change.changes["reason"] == [None, WHY]
    agent.refresh_from_db()
    assert (agent.owner_id, AgentHandOver.objects.count()) == (people.carol.pk, 0)
    approve_change(change.pk, acting=frank)

    agent.refresh_from_db()
    assert agent.owner_id == heir.pk
    row = AgentHandOver.objects.get()
    assert (row.from_owner_id, row.to_owner_id) == (people.carol.pk, heir.pk)
    assert (row.created_by_id, row.agreed_by_id) == (bob.pk, frank.pk)
    event = AuditEvent.objects.get(action="agent.handed_over")
    assert (event.actor_id, event.owner_id) == (frank.pk, heir.pk)
    assert event.details == {
        "from": "carol",
        "to": "heir",
        "reason": WHY,
        "change_request": change.pk,
    }
    assert not AgentCredential.objects.filter(agent=agent, revoked_at=None).exists()
    ended = AuditEvent.objects.filter(
        action="credential.revoked", target_id=credential.id
    )
    assert ended.get().details["reason"] == "handed_over"
    body = spend(agent, "20.00", merchant="Walmart").body
    assert body["outcome"] == "allow"


def test_only_who_answers_for_both_owners_asks_and_agrees(
    agent, people, pair, heir, other_admin
):
    bob, frank = pair
    manager = make_person("heiress", User.Role.MANAGER, team=people.north)
    stale = make_person("stale", User.Role.MANAGER, team=people.north)
    before = everything()

    for person, owner, error in (
        (people.carol, heir, NotPermitted),
        (people.eve, heir, NotFound),
        (bob, people.dave, OwnerRefused),  # Of no team.
        (bob, people.eve, OwnerRefused),  # Of another one.
        (bob, people.carol, OwnerRefused),  # It is hers.
    ):
        with pytest.raises(error):
            ask(agent, owner, person)
    with pytest.raises(ReasonMissing):
        ask(agent, heir, bob, reason=" ")
    stale.authenticated_at = timezone.now() - timedelta(minutes=6)
    with pytest.raises(StepUpRequired):
        hand_over_agent(agent.pk, owner_id=heir.pk, reason=WHY, acting=stale)
    assert everything() == before

    change = ask(agent, manager, bob)
    before = everything()
    for person, refusal in (
        (bob, OwnChangeRefused),  # Asked.
        (manager, NotFound),  # Gets it.
        (people.carol, OwnChangeRefused),  # Has it.
        (people.eve, NotFound),  # Answers for neither.
        (heir, NotFound),  # Manages nothing.
    ):
        with pytest.raises(refusal):
            approve_change(change.pk, acting=person)
    assert everything() == before
    seen = [
        p
        for p in (frank, manager, people.eve)
        if change_requests_visible_to(p).filter(pk=change.pk).exists()
    ]
    assert seen == [frank]
    approve_change(change.pk, acting=other_admin)
    agent.refresh_from_db()
    assert agent.owner_id == manager.pk


def test_c16_who_made_the_new_owners_account_gets_the_agent_by_it_and_agrees_not(
    agent, people, other_admin
):
    """By an account that nobody confirmed it would be their own word twice."""
    other_admin.authenticated_at = timezone.now()
    mine = create_user(
        username="mine",
        role=User.Role.USER,
        team=people.north,
        email="mine@example.com",
        acting=other_admin,
    )
    change = ask(agent, mine, people.alice)
    other_admin.authenticated_at = timezone.now()

    with pytest.raises(NotFound):
        approve_change(change.pk, acting=other_admin)
    assert ChangeRequest.objects.get(pk=change.pk).status == "waiting"


@pytest.mark.parametrize("locked", ["agent", "owner", "heir"])
def test_a_lock_is_not_evaded_by_another_owner(agent, people, pair, heir, locked):
    bob, frank = pair
    change = ask(agent, heir, bob)
    kind, target = {
        "agent": ("agent", agent.pk),
        "owner": ("user", agent.owner_id),
        "heir": ("user", heir.pk),
    }[locked]
    lock_resource(kind, target, acting=SETUP, reason="To see.")

    with pytest.raises(ChangeSuperseded, match="release that first"):
        approve_change(change.pk, acting=frank)
    before = everything()
    with pytest.raises(HandOverRefused):
        ask(agent, heir, bob)

    assert everything() == before
    agent.refresh_from_db()
    assert agent.owner_id == people.carol.pk


def deactivate_heir(agent, heir, people):
    User.objects.filter(pk=heir.pk).update(is_active=False)


def move_heir(agent, heir, people):
    User.objects.filter(pk=heir.pk).update(team=people.south)


def take_the_right(agent, heir, people):
    User.objects.filter(pk=people.bob.pk).update(role=User.Role.USER)


def name_alike(agent, heir, people):
    make_agent(heir, acting=people.alice, name=agent.name)


@pytest.mark.parametrize(
    "meanwhile", [deactivate_heir, move_heir, take_the_right, name_alike]
)
def test_k6_what_was_told_of_and_is_no_longer_so_is_void(
    agent, people, pair, heir, other_admin, meanwhile
):
    change = ask(agent, heir, people.bob)
    meanwhile(agent, heir, people)

    other_admin.authenticated_at = timezone.now()
    with pytest.raises(ChangeSuperseded):
        approve_change(change.pk, acting=other_admin)

    agent.refresh_from_db()
    assert agent.owner_id == people.carol.pk
    assert not AgentHandOver.objects.exists()


def test_two_agents_of_one_name_do_not_meet_at_one_owner(agent, people, heir):
    make_agent(heir, acting=people.alice, name=agent.name)
    before = everything()

    with pytest.raises(NameTaken):
        ask(agent, heir, people.bob)

    assert everything() == before


def test_the_request_says_whose_budgets_count_and_what_was_counted_stays(
    agent, people, other_admin
):
    north = share(people.alice, 500_00, people.north)
    share(people.alice, 70_00, people.south, period="week")
    share(people.alice, 9000_00)
    first = spend(agent, "100.00").body["id"]

    change = ask(agent, people.eve, people.alice)

    assert change.changes["team"] == ["North", "South"]
    assert change.changes["shared_budgets"] == {
        "removed": [f"{north}: 500.00 USD"],
        "added": ["South, Week: 70.00 USD"],
    }
    other_admin.authenticated_at = timezone.now()
    approve_change(change.pk, acting=other_admin)
    assert north.pk in Reservation.objects.get(pk=first).shared_budgets
    agent.refresh_from_db()
    refused = spend(agent, "70.01").body
    assert [reason["code"] for reason in refused["reasons"]] == [
        "shared_budget_exceeded"
    ]
    second = spend(agent, "70.00").body
    assert second["outcome"] == "allow"
    counted = Reservation.objects.get(pk=second["id"]).shared_budgets
    assert north.pk not in counted
    act(agent, "void", first)  # By a credential of after.
    assert Reservation.objects.get(pk=first).outstanding_minor == 0


def test_where_one_person_runs_the_platform_it_is_done_at_once(
    settings, agent, people, heir
):
    settings.FOUR_EYES = False

    done = ask(agent, heir, people.alice)

    assert done.owner_id == heir.pk
    event = AuditEvent.objects.get(action="agent.handed_over")
    assert event.details["four_eyes"] == "off"


def test_that_an_agent_changed_hands_is_history(agent, heir, pair):
    hand_over(agent, heir, people=pair)

    for change in (
        lambda: AgentHandOver.objects.update(from_owner=heir),
        lambda: AgentHandOver.objects.all()._raw_delete("default"),
    ):
        with (
            pytest.raises(DatabaseError, match=REFUSED),
            transaction.atomic(),
        ):
            change()
    assert AgentHandOver.objects.get().from_owner.username == "carol"


def test_an_agent_whose_owner_is_gone_is_counted_as_none_that_works(agent, bob):
    since = timezone.now() - timedelta(hours=1)
    assert dashboard_for(bob, since=since).agents == 1

    deactivate_owner(agent)

    assert dashboard_for(bob, since=since).agents == 0
