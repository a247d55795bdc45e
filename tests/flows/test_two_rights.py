"""What two rights of one person together must not yield (docs/rights.md)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from allauth.socialaccount.models import SocialAccount
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.errors import OwnAuthorityRefused
from accounts.models import Provisioning, User
from accounts.queries import humans_of
from accounts.services.erasure import erase_person
from accounts.services.password_reset import start_password_reset
from accounts.services.people import update_user
from accounts.services.provisioning import confirm_account
from agents.models import Agent
from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from agents.services.credentials import issue_credential, rotate_credential
from audit.base.errors import NotFound, NotPermitted
from security.changes.services import approve_change
from security.incidents.models import Incident
from security.incidents.services import detect_incidents, update_incident
from security.notifications.models import Notification
from security.notifications.services.contacts import set_contact
from tests.accounts.test_provisioning import LOOSER, made
from tests.factories import SEED_POLICY, give_terms, make_agent, make_credential
from tests.people import SETUP, People, make_person
from tests.security.happenings import NOW, is_refused
from tests.spending import approve, ask_for, everything, held, principal_of, spend
from tests.transactions.approving import TWO_PEOPLE, delegate, let_escalate
from tests.transactions.moving import act
from transactions.approvals.models import ApprovalRequest
from transactions.approvals.queries.approvals import approval_queue
from transactions.errors import AlreadyApproved, LevelAboveRole, NotAllowedToApprove
from transactions.money.models import LateCapture
from transactions.money.services.late_captures import report_late_capture
from transactions.spending.services.spending import request_transaction


@pytest.fixture
def heidi(people: People) -> User:
    """A second administrator, of team North."""
    return make_person("heidi", User.Role.ADMIN, people.north)


def test_linking_an_account_to_ones_own_hides_no_rearming(
    people: People, alice: User, heidi: User
):
    bob = people.bob
    update_user(user=bob, acting=alice, same_person_as=alice)
    start_password_reset(user=bob, acting=alice)
    update_user(user=bob, acting=heidi, same_person_as=None)
    bob.refresh_from_db()

    assert humans_of(bob) == {bob.pk, alice.pk}
    assert Provisioning.objects.get().made_by == alice
    with pytest.raises(OwnAuthorityRefused):
        confirm_account(user=bob, acting=alice)


def test_an_identity_does_not_outlive_the_address_that_opened_it(
    people: People, alice: User
):
    """Otherwise a person who changed the address for a while keeps the key."""
    SocialAccount.objects.create(user=people.bob, provider="sso", uid="alices")
    update_user(user=people.bob, acting=alice, full_name="Bob")
    assert SocialAccount.objects.count() == 1

    update_user(user=people.bob, acting=alice, email="bob@example.org")

    assert SocialAccount.objects.count() == 0


@pytest.mark.parametrize("action", ["resolve", "close"])
def test_nobody_ends_an_incident_about_themselves(
    people: People, alice: User, heidi: User, action: str
):
    """An incident that ended before its response ran locks nobody."""
    is_refused(at=NOW - timedelta(minutes=1), status=403, times=6, actor=alice)
    (incident,) = detect_incidents(now=NOW)
    if action == "close":
        update_incident(incident.pk, "resolve", acting=heidi, note="Seen.")
    before = everything()

    with pytest.raises(NotPermitted):
        update_incident(incident.pk, action, acting=alice, note="Nothing.")

    assert everything() == before
    update_incident(incident.pk, action, acting=heidi, note="Seen.")
    assert Incident.objects.get().status == f"{action}d"


def test_nor_one_about_an_agent_of_theirs(people: People, alice: User, heidi: User):
    agent = make_agent(alice, acting=heidi, name="own")
    incident = Incident.objects.create(
        trigger="risk",
        value="1",
        resource_kind="agent",
        resource_id=agent.pk,
        resource_label="own",
        owner_id=alice.pk,
        source_event_id=1,
        opened_at=NOW,
    )

    with pytest.raises(NotPermitted):
        update_incident(incident.pk, "resolve", acting=alice, note="Nothing.")

    incident.refresh_from_db()
    assert incident.status == "open"
    update_incident(incident.pk, "acknowledge", acting=alice, note="Seen.")


def test_a_security_contact_is_told_that_they_no_longer_are(
    people: People, alice: User
):
    set_contact("primary", name="Lead", email="lead@example.com", acting=SETUP)
    assert not Notification.objects.exists()

    set_contact("primary", name="Me", email="alice@example.com", acting=alice)
    set_contact("primary", name="Also me", email="alice@example.com", acting=alice)

    told = Notification.objects.get()
    assert (told.recipient, told.subject) == (
        "lead@example.com",
        "You are no longer the primary security contact",
    )
    assert told.body.startswith("alice set another primary contact")


# What an account said before it was confirmed stays its maker's word, too.


def speaking_as_bob(people: People, alice: User) -> User:
    """Let alice reset bob's password, so that she could speak through his account."""
    start_password_reset(user=people.bob, acting=alice)
    people.bob.authenticated_at = timezone.now()
    return people.bob


def spoken(what: str, people: People, alice: User, heidi: User) -> Agent:
    """Return an agent of carol's, of which one thing was said through bob's account."""
    by = dict.fromkeys(("creator", "policy", "credential"), heidi)
    by[what] = speaking_as_bob(people, alice)
    agent = make_agent(people.carol, acting=by["creator"], name="theirs", policy=None)
    give_terms(agent, parse_terms(SEED_POLICY), acting=by["policy"])
    agent.refresh_from_db()
    make_credential(agent, acting=by["credential"])
    return agent


@pytest.mark.parametrize("what", ["creator", "policy", "credential"])
def test_who_spoke_through_an_account_is_involved_after_it_was_confirmed(
    people: People, alice: User, heidi: User, what: str
):
    approval = held(spoken(what, people, alice, heidi))
    confirm_account(user=people.bob, acting=heidi)
    before = everything()

    assert not approval_queue(alice, now=timezone.now()).exists()
    with pytest.raises(NotAllowedToApprove):
        approve(approval, alice)

    assert everything() == before
    frank = make_person("frank", "manager", people.north)
    assert approve(approval, frank).status == "approved"


def test_what_was_said_before_and_after_is_the_persons_alone(
    people: People, alice: User, heidi: User
):
    early = make_agent(people.carol, acting=people.bob, name="early")
    before = held(early)
    confirm_account(user=speaking_as_bob(people, alice), acting=heidi)
    late = make_agent(people.carol, acting=people.bob, name="late")

    for approval in (before, held(late)):
        assert approval in approval_queue(alice, now=timezone.now())
        assert approve(approval, alice).status == "approved"


def test_a_word_given_through_an_account_is_the_speakers_for_good(
    people: People, alice: User, heidi: User
):
    agent = make_agent(people.carol, acting=heidi, name="theirs")
    give_terms(
        agent,
        parse_terms({**SEED_POLICY, "approval_levels": TWO_PEOPLE}),
        acting=heidi,
    )
    agent.refresh_from_db()
    approval = held(agent)
    assert approve(approval, speaking_as_bob(people, alice)).status == "waiting"
    confirm_account(user=people.bob, acting=heidi)

    with pytest.raises(AlreadyApproved):
        approve(approval, alice)

    frank = make_person("frank", "manager", people.north)
    assert approve(approval, frank).status == "approved"


def test_nor_does_its_speaker_agree_to_what_it_asked_for(
    people: People, alice: User, heidi: User, agent: Agent
):
    asked = set_policy(agent.pk, LOOSER, acting=speaking_as_bob(people, alice))
    confirm_account(user=people.bob, acting=heidi)

    with pytest.raises(NotFound):
        approve_change(asked.pk, acting=alice)

    assert approve_change(asked.pk, acting=heidi).status == "approved"


def test_that_holds_for_an_account_made_through_another(
    people: People, alice: User, heidi: User, agent: Agent
):
    puppet = made(people, alice, role="admin")
    second = made(people, puppet, "second")
    asked = set_policy(agent.pk, LOOSER, acting=second)
    for account in (puppet, second):
        confirm_account(user=account, acting=heidi)

    for person in (alice, puppet):
        with pytest.raises(NotFound):
            approve_change(asked.pk, acting=person)

    assert approve_change(asked.pk, acting=heidi).status == "approved"


@pytest.mark.parametrize("what", ["creator", "credential"])
def test_and_for_late_captures(people: People, alice: User, heidi: User, what: str):
    agent = spoken(what, people, alice, heidi)
    asked = spend(agent).body["id"]
    act(agent, "void", asked)
    confirm_account(user=people.bob, acting=heidi)
    frank = make_person("frank", "manager", people.north)
    change = report_late_capture(
        asked, amount="5000.00", reference="rail", acting=frank
    )

    with pytest.raises(NotFound):
        approve_change(change.pk, acting=alice)

    assert LateCapture.objects.count() == 0
    lead = make_person("lead", "manager", people.north)
    assert approve_change(change.pk, acting=lead).status == "approved"


# Combinations that were refused from the first.


def test_two_administrators_who_armed_each_other_are_one_person(
    people: People, alice: User, heidi: User
):
    approval = held(make_agent(people.carol, acting=alice, name="alices"))
    start_password_reset(user=heidi, acting=alice)
    start_password_reset(user=alice, acting=heidi)
    before = everything()

    with pytest.raises(NotAllowedToApprove):
        approve(approval, heidi)
    for person, acting in ((alice, heidi), (heidi, alice)):
        with pytest.raises(OwnAuthorityRefused):
            confirm_account(user=person, acting=acting)

    assert everything() == before


def test_in_the_overlap_each_credential_bars_who_issued_that_one(
    people: People, alice: User, heidi: User
):
    agent = make_agent(people.carol, acting=heidi, name="theirs")
    first = issue_credential(agent.pk, acting=alice)
    rotate_credential(agent.pk, first.id, acting=people.bob)
    principal = replace(principal_of(agent), credential_id=first.id)
    answer = request_transaction(
        ask_for("750.00"), acting=principal, idempotency_key="with-the-old-one"
    )
    approval = ApprovalRequest.objects.get(pk=answer.body["approval"]["id"])

    with pytest.raises(NotAllowedToApprove):
        approve(approval, alice)

    assert approve(approval, people.bob).status == "approved"


def test_who_sets_the_next_policy_answers_for_all_of_it(
    people: People, alice: User, heidi: User
):
    """A version that another person set bars them instead: two people chose it."""
    agent = make_agent(people.carol, acting=heidi, name="theirs", policy=None)
    give_terms(agent, parse_terms(SEED_POLICY), acting=people.bob)
    agent.refresh_from_db()
    under_first = held(agent)
    tighter = {**SEED_POLICY, "max_transaction_amount": "900.00"}
    set_policy(agent.pk, parse_terms(tighter), acting=alice)
    agent.refresh_from_db()
    under_second = held(agent, "760.00")

    for approval, person in (
        (under_first, people.bob),
        (under_first, alice),
        (under_second, alice),
    ):
        with pytest.raises(NotAllowedToApprove):
            approve(approval, person)

    assert approve(under_second, people.bob).status == "approved"


def test_votes_without_four_eyes_count_no_more_with_them(
    people: People, alice: User, heidi: User, settings: Settings
):
    agent = make_agent(alice, acting=alice, name="own")
    User.objects.filter(pk=alice.pk).update(team=people.north)
    levels = {**SEED_POLICY, "approval_levels": TWO_PEOPLE}
    give_terms(agent, parse_terms(levels), acting=heidi)
    agent.refresh_from_db()
    approval = held(agent)
    settings.FOUR_EYES = False
    assert approve(approval, alice).status == "waiting"
    settings.FOUR_EYES = True

    assert approve(approval, people.bob).status == "waiting"
    frank = make_person("frank", "manager", people.north)
    assert approve(approval, frank).status == "approved"


def test_an_administrator_who_is_involved_gains_nothing_by_escalation(
    people: People, alice: User, heidi: User
):
    approval = held(make_agent(people.carol, acting=alice, name="alices"))
    let_escalate(approval)
    before = everything()

    with pytest.raises(NotAllowedToApprove):
        approve(approval, alice)
    with pytest.raises(LevelAboveRole):
        approve(approval, people.bob)

    assert everything() == before
    assert approve(approval, heidi).status == "approved"


def test_without_anybody_else_it_waits(people: People, alice: User, heidi: User):
    approval = held(make_agent(people.carol, acting=alice, name="alices"))
    for person in (heidi, people.bob):
        update_user(user=person, acting=alice, is_active=False)
    before = everything()

    with pytest.raises(NotAllowedToApprove):
        approve(approval, alice)

    assert everything() == before


def test_what_somebody_confirmed_stays_so_after_they_were_erased(
    people: People, alice: User, heidi: User
):
    confirm_account(user=speaking_as_bob(people, alice), acting=heidi)
    update_user(user=heidi, acting=alice, is_active=False)
    erase_person(user=heidi, acting=alice)

    assert humans_of(people.bob) == {people.bob.pk}
    assert Provisioning.objects.get().confirmed_by_id == heidi.pk


@pytest.mark.parametrize("given", ["from", "to"])
def test_a_delegation_with_a_made_account_is_its_makers(
    people: People, alice: User, heidi: User, given: str
):
    approval = held(make_agent(people.carol, acting=alice, name="alices"))
    frank = make_person("frank", "manager", people.north)
    puppet = made(people, alice)
    giver, taker = (puppet, frank) if given == "from" else (frank, puppet)
    User.objects.filter(pk=taker.pk).update(team=people.south)
    taker.refresh_from_db()
    taker.authenticated_at = timezone.now()
    delegate(giver, taker)
    before = everything()
    with pytest.raises(NotAllowedToApprove):
        approve(approval, taker)
    assert everything() == before

    confirm_account(user=puppet, acting=heidi)

    before = everything()
    if given == "to":  # Confirmed since, so the word is the puppet's own.
        assert approve(approval, taker).status == "approved"
        return
    # What was given through the account stays alice's word.
    with pytest.raises(NotAllowedToApprove):
        approve(approval, taker)
    assert everything() == before
