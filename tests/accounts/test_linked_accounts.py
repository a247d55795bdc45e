"""Two accounts of one human are one, wherever a second person is asked for."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.errors import LinkRefused, OwnAuthorityRefused
from accounts.models import User
from accounts.services.people import update_user
from agents.errors import OwnAgentRefused
from agents.models import PolicyVersion
from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from agents.services.agents import update_agent
from audit.base.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.changes.models import ChangeRequest
from security.changes.services import approve_change
from security.errors import OwnChangeRefused
from security.locks.services import lock_resource, unlock_resource
from tests.browsing import sign_in
from tests.factories import SEED_POLICY, make_agent
from tests.people import make_person
from tests.spending import approve, deny, everything, held
from tests.transactions.approving import TWO_PEOPLE
from transactions.errors import AlreadyApproved, NotAllowedToApprove


@pytest.fixture
def second(people):
    """Another account of carol's, who owns the agent: a manager of her team."""
    return make_person("carol-too", User.Role.MANAGER, people.north)


def link(account, first, acting):
    update_user(user=account, acting=acting, same_person_as=first)
    account.refresh_from_db()


@pytest.mark.parametrize("act", [approve, deny])
def test_k1_a_second_account_of_the_owner_decides_nothing(agent, people, second, act):
    approval = held(agent)
    link(second, people.carol, people.alice)
    before = everything()

    with pytest.raises(NotAllowedToApprove):
        act(approval, second)

    assert everything() == before


def test_k1_the_link_holds_in_both_directions(people, second):
    """The agent is the second account's; the first one is who would approve."""
    agent = make_agent(second, acting=people.alice, name="other")
    approval = held(agent)
    link(second, people.bob, people.alice)

    with pytest.raises(NotAllowedToApprove):
        approve(approval, people.bob)


def test_k11_two_accounts_are_one_person(agent, people, give_policy):
    bobby = make_person("bobby", User.Role.MANAGER, people.north)
    frank = make_person("frank", User.Role.MANAGER, people.north)
    give_policy(agent, approval_levels=TWO_PEOPLE)
    approval = held(agent)
    link(bobby, people.bob, people.alice)
    approve(approval, people.bob)

    with pytest.raises(AlreadyApproved):
        approve(approval, bobby)
    assert approve(approval, frank).status == "approved"


def test_k11_what_is_linked_later_no_longer_counts_twice(agent, people, give_policy):
    levels = [{"above": "500.00", "approvals": 3, "role": "manager"}]
    bobby = make_person("bobby", User.Role.MANAGER, people.north)
    frank = make_person("frank", User.Role.MANAGER, people.north)
    give_policy(agent, approval_levels=levels)
    approval = held(agent)
    approve(approval, people.bob)
    approve(approval, bobby)
    link(bobby, people.bob, people.alice)

    assert approve(approval, frank).status == "waiting"


def test_a_second_account_is_no_second_person_for_changes(people):
    lead = make_person("lead", User.Role.MANAGER, people.north)
    lead_too = make_person("lead-too", User.Role.MANAGER, people.north)
    peer = make_person("peer", User.Role.MANAGER, people.north)
    agent = make_agent(lead, acting=people.alice, name="own")
    link(lead_too, lead, people.alice)
    looser = parse_terms({**SEED_POLICY, "max_transaction_amount": "9000.00"})

    change = set_policy(agent.pk, looser, acting=lead)
    assert isinstance(change, ChangeRequest)
    with pytest.raises(OwnChangeRefused):
        approve_change(change.pk, acting=lead)
    with pytest.raises(NotFound):  # As if they managed another team.
        approve_change(change.pk, acting=lead_too)
    asked_too = set_policy(agent.pk, looser, acting=lead_too)
    assert isinstance(asked_too, ChangeRequest)
    for account in (lead, lead_too):
        with pytest.raises(OwnChangeRefused):
            approve_change(asked_too.pk, acting=account)
    assert not PolicyVersion.objects.filter(agent=agent, number=2).exists()
    # Nothing but the link is in the way of another manager of the same team.
    assert approve_change(asked_too.pk, acting=peer).status == "approved"
    assert set_policy(agent.pk, looser, acting=people.alice).number == 3


def test_m7_a_second_account_unlocks_and_reactivates_nothing_of_ones_own(people):
    boss = make_person("boss", User.Role.ADMIN)
    boss_too = make_person("boss-too", User.Role.ADMIN)
    link(boss_too, boss, people.alice)
    agent = make_agent(boss, acting=make_person("maker", "admin"), name="own")
    for kind, target in (("agent", agent.pk), ("user", boss.pk)):
        lock_resource(kind, target, acting=people.alice, reason="Stop.")
        with pytest.raises(NotPermitted):
            unlock_resource(kind, target, acting=boss_too, reason="Mine.")
        unlock_resource(kind, target, acting=people.alice, reason="Explained.")
    update_agent(agent.pk, is_active=False, acting=people.alice)
    with pytest.raises(OwnAgentRefused):
        update_agent(agent.pk, is_active=True, acting=boss_too)
    update_agent(agent.pk, is_active=True, acting=people.alice)


def test_linking_is_told_and_takes_an_administrator_who_is_neither(people):
    boss = make_person("boss", User.Role.ADMIN)
    boss_too = make_person("boss-too", User.Role.ADMIN)
    link(boss_too, boss, people.alice)

    event = AuditEvent.objects.filter(action="user.updated").latest("id")
    assert event.details["changes"] == {"same_person_as": ["None", "boss"]}
    # Cutting the link serves the people it binds: another person must agree.
    asked = update_user(user=boss_too, acting=boss, same_person_as=None)
    assert isinstance(asked, ChangeRequest)
    boss_too.refresh_from_db()
    assert boss_too.same_person_as == boss
    approve_change(asked.pk, acting=people.alice)
    boss_too.refresh_from_db()
    assert boss_too.same_person_as is None


def test_an_administrator_gives_their_own_second_account_no_rights(people):
    second = make_person("alice-too", User.Role.USER)
    heidi = make_person("heidi", User.Role.ADMIN)
    link(second, people.alice, heidi)

    with pytest.raises(OwnAuthorityRefused):
        update_user(user=second, acting=people.alice, role="admin")


def test_accounts_are_linked_to_the_first_one_only(people):
    one, two, three = (make_person(f"p{n}") for n in range(3))
    link(two, one, people.alice)

    for account, first in ((three, two), (one, three), (one, one)):
        with pytest.raises(LinkRefused):
            link(account, first, people.alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=one.pk).update(same_person_as=one.pk)


@pytest.mark.usefixtures("spacious_limits")
def test_the_console_links_accounts(people, second):
    client = Client()
    sign_in(client, people.alice)
    page = f"/admin/accounts/user/{second.pk}/change/"
    body = {
        "role": "manager",
        "team": people.north.pk,
        "is_active": "on",
        "email": second.email,
        "same_person_as": people.carol.pk,
    }

    assert client.post(page, body).status_code == 302

    second.refresh_from_db()
    assert second.human_id == people.carol.pk
