"""Former owners of an agent, and requesters of its hand-over, decide on no request."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import User
from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from audit.base.errors import NotFound
from security.changes.services import approve_change
from security.errors import ChangeSuperseded
from tests.factories import SEED_POLICY, make_agent
from tests.people import make_person
from tests.spending import approve, deny, everything, held, spend
from tests.transactions.handing_over import hand_over
from tests.transactions.moving import act
from transactions.approvals.queries.approvals import approval_queue
from transactions.budgets.models import Reservation
from transactions.errors import NotAllowedToApprove
from transactions.money.services.late_captures import report_late_capture


@pytest.mark.parametrize("when", ["before", "after"])
def test_c15_handing_over_lets_nobody_approve_their_own_spending(
    people, pair, heir, when
):
    """Neither the former owner nor the requester; others still may."""
    bob, frank = pair
    ida = make_person("ida", User.Role.MANAGER, team=people.north)
    jim = make_person("jim", User.Role.MANAGER, team=people.north)
    agent = make_agent(ida, acting=people.alice, name="idas")
    approval = held(agent) if when == "before" else None

    hand_over(agent, heir, people=(bob, frank))
    approval = approval or held(agent)

    before = everything()
    for person in (ida, bob):
        with pytest.raises(NotAllowedToApprove):
            approve(approval, person)
        with pytest.raises(NotAllowedToApprove):
            deny(approval, person)
        queue = approval_queue(person, now=timezone.now())
        assert approval.pk not in {each.pk for each in queue}
    assert everything() == before
    assert approval.pk in {each.pk for each in approval_queue(jim, now=timezone.now())}
    assert approve(approval, jim).status == "approved"


def test_c15_nor_do_those_who_had_it_two_owners_ago(people, pair, heir):
    ida = make_person("ida", User.Role.MANAGER, team=people.north)
    agent = make_agent(ida, acting=people.alice, name="idas")
    hand_over(agent, heir, people=pair)
    hand_over(agent, people.carol, people=pair)

    with pytest.raises(NotAllowedToApprove):
        approve(held(agent), ida)


def test_c15_a_word_given_before_the_agent_was_ones_own_counts_no_more(
    people, give_policy
):
    two = [{"above": "500.00", "approvals": 2, "role": "manager"}]
    north = [
        make_person(name, User.Role.MANAGER, team=people.north)
        for name in ("gina", "hugo", "ivan", "jane")
    ]
    gina, hugo, ivan, jane = north
    agent = give_policy(
        make_agent(people.carol, acting=people.alice), approval_levels=two
    )
    approval = held(agent)
    assert approve(approval, gina).status == "waiting"

    hand_over(agent, gina, people=(hugo, ivan))

    assert approve(approval, jane).status == "waiting"
    assert approve(approval, people.bob).status == "approved"


def test_c15_what_was_asked_for_under_the_old_owner_the_new_one_does_not_agree_to(
    agent, people, pair
):
    """Else looser limits would be one's own word, said before one owned the agent."""
    bob, frank = pair
    ida = make_person("ida", User.Role.MANAGER, team=people.north)
    looser = parse_terms({**SEED_POLICY, "max_transaction_amount": "5000.00"})
    bob.authenticated_at = timezone.now()
    change = set_policy(agent.pk, looser, acting=bob)
    hand_over(agent, ida, people=(frank, people.alice))

    ida.authenticated_at = timezone.now()
    with pytest.raises(ChangeSuperseded):
        approve_change(change.pk, acting=ida)

    agent.refresh_from_db()
    assert agent.policy_version.number == 1


def test_j17_nor_to_late_captures_that_were_reported_under_the_old_owner(
    limited, asked, people, pair
):
    bob, frank = pair
    ida = make_person("ida", User.Role.MANAGER, team=people.north)
    act(limited, "void", asked)
    change = report_late_capture(asked, amount="150.00", reference="r", acting=bob)
    hand_over(limited, ida, people=(frank, people.alice))

    ida.authenticated_at = timezone.now()
    with pytest.raises(ChangeSuperseded):
        approve_change(change.pk, acting=ida)
    assert Reservation.objects.get(pk=asked).late_minor == 0


def test_j17_a_former_owner_agrees_to_no_late_capture(people, pair, heir, give_policy):
    bob, frank = pair
    ida = make_person("ida", User.Role.MANAGER, team=people.north)
    agent = make_agent(ida, acting=people.alice, name="idas")
    asked = spend(agent, "100.00").body["id"]
    act(agent, "void", asked)
    hand_over(agent, heir, people=pair)
    jim = make_person("jim", User.Role.MANAGER, team=people.north)
    change = report_late_capture(asked, amount="150.00", reference="r", acting=jim)

    for person in (ida, bob):
        person.authenticated_at = timezone.now()
        with pytest.raises(NotFound):
            approve_change(change.pk, acting=person)
    approve_change(change.pk, acting=frank)
    assert Reservation.objects.get(pk=asked).late_minor == 150_00
