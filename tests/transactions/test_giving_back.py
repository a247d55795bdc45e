"""After somebody is gone money still goes back, by people who answer for the agent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.models import Agent
from audit.base.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.errors import ReasonMissing, StepUpRequired
from tests.people import make_person
from tests.spending import everything, held, spend
from tests.transactions.moving import act, budget, ledger, money, status
from tests.transactions.test_standing import deactivate_owner, revoke
from transactions import errors
from transactions.money.models import Refund
from transactions.money.services import giving_back

WHY = "Its owner left."
_keys = iter(range(10**9))


def void(transaction_id, person, *, reason=WHY, key=None):
    return giving_back.void(
        transaction_id,
        reason=reason,
        acting=person,
        idempotency_key=key or f"void-{next(_keys)}",
    )


def refund(transaction_id, person, amount=None, *, reason=WHY, key=None):
    return giving_back.refund(
        transaction_id,
        amount=amount,
        reason=reason,
        acting=person,
        idempotency_key=key or f"refund-{next(_keys)}",
    )


def deactivate_agent(agent):
    Agent.objects.filter(pk=agent.pk).update(is_active=False)


GONE = pytest.mark.parametrize(
    "leave",
    [
        deactivate_agent,
        deactivate_owner,
        revoke,
    ],
    ids=["agent", "owner", "credential"],
)
PERSON = pytest.mark.parametrize("who", ["bob", "alice"])


@GONE
@PERSON
def test_who_answers_for_a_gone_agent_voids_what_it_set_aside(
    limited, asked, people, leave, who
):
    leave(limited)
    person = getattr(people, who)

    answer = void(asked, person)

    assert (answer.status_code, answer.body["status"]) == (200, "voided")
    assert money(asked) == [100, 0, 100, 0, 0]
    assert budget() == (0, 0, 0, 0)
    assert ledger() == {}
    event = AuditEvent.objects.get(action="transaction.voided")
    assert (event.actor_id, event.owner_id) == (person.pk, limited.owner_id)
    assert event.details["reason"] == WHY
    assert event.details["amount"] == "100.00"


@GONE
def test_who_answers_for_a_gone_agent_notes_refunds(limited, asked, people, leave):
    act(limited, "capture", asked)
    leave(limited)

    first = refund(asked, people.bob, "30.00")
    rest = refund(asked, people.bob)

    assert (first.status_code, first.body["amount"]) == (201, "30.00")
    assert rest.body["amount"] == "70.00"
    assert money(asked) == [100, 100, 0, 0, 100]
    assert budget() == (0, 100_00, 0, 1)  # A refund gives nothing back to spend.
    assert {row.reason for row in Refund.objects.all()} == {WHY}
    events = AuditEvent.objects.filter(action="transaction.refunded")
    assert [(e.actor_id, e.details["reason"]) for e in events] == [
        (people.bob.pk, WHY)
    ] * 2
    with pytest.raises(errors.InvalidState):
        refund(asked, people.bob)


def test_what_was_captured_in_part_stays_captured(limited, asked, people):
    act(limited, "capture", asked, amount="40.00")
    deactivate_owner(limited)

    void(asked, people.bob)

    assert money(asked) == [100, 40, 60, 0, 0]


@pytest.mark.parametrize("step", [void, refund])
def test_one_who_may_not_gives_nothing_back(limited, asked, people, step):
    """A user, a manager of another team, an owner; nobody without a reason or proof."""
    act(limited, "capture", asked, amount="40.00")
    stale = make_person("stale", "manager", team=people.north)
    stale.authenticated_at = timezone.now() - timedelta(minutes=6)
    gone = make_person("gone", "manager", team=people.north)
    gone.is_active = False
    gone.save(update_fields=["is_active"])
    before = everything()

    for person, error in (
        (people.carol, NotPermitted),
        (people.dave, NotPermitted),
        (people.eve, NotFound),
        (gone, NotPermitted),
        (stale, StepUpRequired),
    ):
        with pytest.raises(error):
            step(asked, person)
    with pytest.raises(ReasonMissing):
        step(asked, people.bob, reason=" ")

    assert everything() == before


@pytest.mark.parametrize("step", [void, refund])
def test_j2_a_person_who_clicks_twice_gives_back_once(limited, asked, people, step):
    act(limited, "capture", asked, amount="40.00")
    first = step(asked, people.bob, key="page")
    before = everything()

    again = step(asked, people.bob, key="page")

    assert (again.is_replay, again.body) == (True, first.body)
    with pytest.raises(errors.IdempotencyConflict):
        step(asked, people.alice, key="page")
    with pytest.raises(errors.IdempotencyConflict):
        step(asked, people.bob, key="page", reason="Another one.")
    assert everything() == before


def test_an_agents_own_keys_of_before_still_tell_the_same(limited, asked):
    """A void without a reason is digested as it was before there were reasons."""
    first = act(limited, "void", asked, key="k")

    assert act(limited, "void", asked, key="k").body == first.body


def test_more_than_is_left_or_not_held_is_refused(limited, asked, people):
    approval = held(limited)
    before = everything()

    with pytest.raises(errors.InvalidState):
        void(approval.transaction_id, people.bob)
    with pytest.raises(errors.InvalidState):
        refund(asked, people.bob)
    assert everything() == before
    act(limited, "capture", asked)
    with pytest.raises(errors.AmountTooLarge):
        refund(asked, people.bob, "100.01")
    with pytest.raises(errors.InvalidState):
        void(asked, people.bob)
    assert status(asked) == "captured"


def test_a_reason_with_a_card_number_is_kept_nowhere(limited, asked, people):
    act(limited, "capture", asked, amount="40.00")

    refund(asked, people.bob, reason="Card 4111 1111 1111 1111.", key="a")
    void(asked, people.bob, reason="Card 4111 1111 1111 1111.", key="b")

    assert "4111 1111" not in str(everything())


def test_a_working_agents_money_goes_back_the_same_way(agent, people):
    """Where it lost its secret, nobody else could."""
    asked = spend(agent, "100.00").body["id"]

    assert void(asked, people.bob).body["status"] == "voided"
