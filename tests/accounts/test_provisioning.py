"""The maker of an account cannot be the second person by it (C16)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import ProgrammingError
from django.test import Client
from django.utils import timezone

from accounts.errors import OwnAuthorityRefused
from accounts.models import Provisioning, User
from accounts.queries import humans_of
from accounts.services.password_reset import start_password_reset
from accounts.services.people import create_user, set_password, update_user
from accounts.services.provisioning import confirm_account
from accounts.services.second_factors import remove_second_factors
from agents.models import Agent
from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from audit.base.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.alerts.models import Alert
from security.changes.services import approve_change
from tests.browsing import sign_in
from tests.factories import SEED_POLICY, make_agent
from tests.people import PASSWORD, People, make_person
from tests.spending import approve, deny, everything, held
from tests.transactions.approving import TWO_PEOPLE
from transactions.approvals.queries.approvals import approval_queue
from transactions.errors import AlreadyApproved, NotAllowedToApprove

LOOSER = parse_terms({**SEED_POLICY, "max_transaction_amount": "5000.00"})


def made(people: People, by: User, name: str = "puppet", role: str = "manager") -> User:
    """Have an administrator make an account in team North."""
    user = create_user(username=name, role=role, team=people.north, acting=by)
    user.authenticated_at = timezone.now()
    return user


def rearmed(act: str) -> Callable[[People, User], User]:
    def rearm(people: People, by: User) -> User:
        acting, bob = by, people.bob
        match act:
            case "password_reset":
                start_password_reset(user=bob, acting=acting)
            case "second_factors_removed":
                remove_second_factors(user=bob, acting=acting)
            case "email_changed":
                update_user(user=bob, acting=acting, email="x@example.com")
            case "role_changed":
                update_user(user=bob, acting=acting, role="admin")
        bob.refresh_from_db()
        bob.authenticated_at = timezone.now()
        return bob

    return rearm


ACTS: Mapping[str, Callable[[People, User], User]] = {
    "made": made,
    **{
        act: rearmed(act)
        for act in (
            "password_reset",
            "second_factors_removed",
            "email_changed",
            "role_changed",
        )
    },
}


@pytest.fixture
def heidi(people: People) -> User:
    """A second administrator."""
    return make_person("heidi", User.Role.ADMIN)


def agent_of(people: People, owner: User) -> Agent:
    """Return an agent in North that is this administrator's own."""
    User.objects.filter(pk=owner.pk).update(team=people.north)
    owner.refresh_from_db()
    owner.authenticated_at = timezone.now()
    return make_agent(owner, acting=owner, name="own")


@pytest.mark.parametrize("act", ACTS)
def test_c16_a_made_or_rearmed_account_decides_nothing_of_its_maker(
    people: People, alice: User, heidi: User, act: str
):
    approval = held(agent_of(people, alice))
    asked = set_policy(approval.transaction.agent_id, LOOSER, acting=alice)
    puppet = ACTS[act](people, alice)
    assert list(Provisioning.objects.values_list("act", "made_by")) == [(act, alice.pk)]
    before = everything()

    for word in (approve, deny):
        with pytest.raises(NotAllowedToApprove):
            word(approval, puppet)
    with pytest.raises(NotFound):
        approve_change(asked.pk, acting=puppet)
    assert not approval_queue(puppet, now=timezone.now()).exists()
    assert everything() == before

    assert confirm_account(user=puppet, acting=heidi) == 1

    assert approval_queue(puppet, now=timezone.now()).exists()
    assert approve_change(asked.pk, acting=puppet).status == "approved"
    assert approve(approval, puppet).status == "approved"


def test_c16_the_maker_decides_nothing_of_the_account_either(
    people: People, alice: User
):
    puppet = made(people, alice)
    heidi = make_person("heidi", User.Role.ADMIN)
    agent = make_agent(people.carol, acting=heidi)
    asked = set_policy(agent.pk, LOOSER, acting=puppet)
    before = everything()

    with pytest.raises(NotFound):
        approve_change(asked.pk, acting=alice)

    assert everything() == before
    assert approve_change(asked.pk, acting=heidi).status == "approved"


def test_c16_two_accounts_of_one_maker_are_one_person(
    people: People, alice: User, heidi: User, agent: Agent, give_policy
):
    agent = make_agent(people.carol, acting=heidi, name="theirs")
    give_policy(agent, approval_levels=TWO_PEOPLE)
    Agent.objects.filter(pk=agent.pk).update(created_by=people.dave)
    frank = make_person("frank", User.Role.ADMIN)
    one, two = (made(people, frank, name) for name in ("one", "two"))
    approval = held(agent)
    assert approve(approval, one).status == "waiting"

    with pytest.raises(AlreadyApproved):
        approve(approval, two)
    with pytest.raises(AlreadyApproved):
        approve(approval, frank)

    confirm_account(user=two, acting=heidi)
    assert approve(approval, two).status == "approved"


def test_c16_an_account_made_by_a_made_account_is_the_first_makers_too(
    people: People, alice: User, heidi: User
):
    puppet = made(people, alice, role="admin")
    second = made(people, puppet, "second", role="admin")

    assert humans_of(second) == {second.pk, puppet.pk, alice.pk}
    before = everything()
    for person, acting in ((second, alice), (puppet, second), (puppet, puppet)):
        with pytest.raises(OwnAuthorityRefused):
            confirm_account(user=person, acting=acting)
    assert everything() == before

    # The puppet's word is now its own, but the second account was alice's work.
    confirm_account(user=puppet, acting=heidi)
    assert humans_of(puppet) == {puppet.pk}
    assert humans_of(second) == {second.pk, puppet.pk, alice.pk}
    with pytest.raises(OwnAuthorityRefused):
        confirm_account(user=second, acting=alice)
    confirm_account(user=second, acting=heidi)
    assert humans_of(second) == {second.pk}


def test_c16_of_two_makers_each_confirms_what_the_other_did(
    people: People, alice: User, heidi: User
):
    update_user(user=people.bob, acting=alice, email="a@example.com")
    update_user(user=people.bob, acting=heidi, email="h@example.com")

    assert confirm_account(user=people.bob, acting=alice) == 1
    assert humans_of(people.bob) == {people.bob.pk, alice.pk}
    assert confirm_account(user=people.bob, acting=heidi) == 1
    assert humans_of(people.bob) == {people.bob.pk}
    assert confirm_account(user=people.bob, acting=heidi) == 0
    told = AuditEvent.objects.filter(action="user.confirmed").order_by("id")
    assert [event.details["acts"] for event in told] == [
        [f"email_changed by {heidi.pk}"],
        [f"email_changed by {alice.pk}"],
    ]


@pytest.mark.parametrize("who", ["bob", "carol"])
def test_c16_only_administrators_confirm(people: People, alice: User, who: str):
    puppet = made(people, alice)
    before = everything()

    with pytest.raises(NotPermitted):
        confirm_account(user=puppet, acting=getattr(people, who))

    assert everything() == before


@pytest.mark.parametrize("act", ACTS)
def test_c16_each_such_act_alerts(people: People, alice: User, act: str):
    ACTS[act](people, alice)

    assert Alert.objects.get().metric == "account_provisioned"


def test_c16_nobody_chooses_anothers_password(people: People, alice: User):
    before = User.objects.values_list("password", flat=True)

    with pytest.raises(NotPermitted):
        set_password(user=people.bob, password=PASSWORD * 2, acting=alice)
    with pytest.raises(NotPermitted):
        create_user(username="frank", password=PASSWORD, role="user", acting=alice)

    assert list(User.objects.values_list("password", flat=True)) == list(before)


def test_c16_what_others_did_to_an_account_cannot_be_rewritten(
    refusal: str, people: People, alice: User
):
    puppet = made(people, alice)
    confirm_account(user=puppet, acting=make_person("heidi", "admin"))
    made(people, alice, "other")
    for sql in (
        "UPDATE accounts_provisioning SET act = 'made', made_at = now()",
        "UPDATE accounts_provisioning SET confirmed_at = NULL, confirmed_by_id = NULL"
        " WHERE confirmed_at IS NOT NULL",
        "DELETE FROM accounts_provisioning",
        "TRUNCATE accounts_provisioning",
    ):
        with (
            pytest.raises(ProgrammingError, match=refusal),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)


def test_c16_the_database_lets_no_maker_confirm(people: People, alice: User):
    puppet = made(people, alice)

    for person in (alice, puppet):
        with pytest.raises(IntegrityError), transaction.atomic():
            Provisioning.objects.update(
                confirmed_by=person, confirmed_at=timezone.now()
            )


def test_what_one_does_to_ones_own_account_makes_nobody_a_maker(
    people: People, alice: User
):
    set_password(user=people.bob, password=PASSWORD * 2, acting=people.bob)
    update_user(user=alice, acting=alice, email="new@example.com")

    assert not Provisioning.objects.exists()


def test_c16_who_waits_to_be_confirmed_is_told_on_the_pages(
    people: People, alice: User
):
    update_user(user=people.bob, acting=alice, email="x@example.com")
    client = Client()
    sign_in(client, people.bob)

    for page in ("/approvals/", "/change-requests/"):
        answer = client.get(page)
        assert answer.status_code == 200
        assert "e-mail changed by alice." in answer.content.decode()

    confirm_account(user=people.bob, acting=make_person("heidi", "admin"))
    sign_in(client, people.bob)  # Confirming ended the sign-in before.
    for page in ("/approvals/", "/change-requests/"):
        answer = client.get(page)
        assert answer.status_code == 200
        assert "changed by alice" not in answer.content.decode()
