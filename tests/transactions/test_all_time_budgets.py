"""A shared budget of all time: a long past is counted without stopping everybody."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from audit.models import AuditEvent
from tests.factories import make_agent
from tests.spending import principal_of, spend
from tests.transactions.sharing import POLICY, loosen, share, used
from tests.transactions.test_races import at_once
from transactions.budgets.models import Reservation, SharedBudget
from transactions.budgets.services import shared_counting
from transactions.money.services.giving_back import void


@pytest.fixture
def mine(people):
    return make_agent(people.carol, acting=people.alice, name="one", policy=POLICY)


def set_all_time(alice, **values):
    return share(alice, 100_00, period="all_time", **values)


def test_its_past_is_joined_ahead_and_nothing_that_happens_meanwhile_is_missed(
    committed_db, people, alice, mine, monkeypatch
):
    """In short transactions: only what is newer waits for the locks of all."""
    other = make_agent(people.bob, acting=alice, name="two", policy=POLICY)
    ids = [
        spend(agent, f"{n}.00", merchant=f"Shop {n}").body["id"]
        for agent in (mine, other)
        for n in range(1, 6)
    ]
    meanwhile: list[dict[str, object]] = []
    join_batch = shared_counting._join_batch

    def join(budget, agent_id, place):
        end = join_batch(budget, agent_id, place)
        if not meanwhile:  # A worker whose turn it is not goes on.
            free = other if agent_id == mine.pk else mine
            meanwhile.extend(at_once(lambda: spend(free, "7.00", merchant="New").body))
        return end

    monkeypatch.setattr(shared_counting, "BATCH", 2)
    monkeypatch.setattr(shared_counting, "_join_batch", join)

    budget = set_all_time(alice)

    assert [body["outcome"] for body in meanwhile] == ["allow"]
    assert used(budget) == (37_00, 0, 0)
    assert not Reservation.objects.exclude(shared_budgets=[budget.pk]).exists()
    void(ids[0], acting=principal_of(mine), idempotency_key="void")
    assert used(budget) == (36_00, 0, 0)


def test_it_goes_on_where_it_was_broken_off(alice, mine, monkeypatch):
    asked = spend(mine, "60.00").body["id"]

    def fail(*_):
        raise OperationalError

    with monkeypatch.context() as patched:
        patched.setattr(
            "transactions.budgets.services.shared_budgets.count_shared", fail
        )
        with pytest.raises(OperationalError):
            set_all_time(alice)
    assert SharedBudget.objects.values_list("is_active", flat=True).get() is False
    assert spend(mine, "50.00", merchant="Shop").body["outcome"] == "allow"
    void(asked, acting=principal_of(mine), idempotency_key="void")

    budget = set_all_time(alice)

    assert used(budget) == (50_00, 0, 0)
    events = AuditEvent.objects.filter(action="shared_budget.set").order_by("id")
    assert [event.details["changes"].get("is_active") for event in events] == [
        [None, False],
        [False, True],
    ]


def test_switched_off_and_on_it_is_counted_anew(alice, admins, mine):
    set_all_time(alice)
    asked = spend(mine, "60.00").body["id"]
    loosen(admins, 100_00, period="all_time", is_active=False)
    spend(mine, "20.00", merchant="Shop")

    budget = set_all_time(alice)

    assert used(budget) == (80_00, 0, 0)
    void(asked, acting=principal_of(mine), idempotency_key="void")
    assert used(budget) == (20_00, 0, 0)


def test_only_what_is_in_its_currency_counts(people, alice, mine):
    spend(mine, "60.00")
    terms = {"currency": "JPY", "max_transaction_amount": "1000"}
    yen = make_agent(people.carol, acting=alice, name="yen", policy=POLICY | terms)
    spend(yen, "500")

    assert used(set_all_time(alice)) == (60_00, 0, 0)
