"""Budgets that agents share: organisation over team over agent, under contention."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from django.db import connection, transaction

from accounts.models import User
from audit.base.errors import NotPermitted
from audit.models import AuditEvent
from tests.elsewhere import wait_until_blocked
from tests.factories import SEED_POLICY, make_agent
from tests.people import make_person
from tests.spending import approve, credential_of, everything, held, principal_of, spend
from tests.transactions.sharing import POLICY, loosen, reasons, share, used
from tests.transactions.test_races import at_once
from transactions.budgets.models import Reservation, SharedBudget
from transactions.budgets.queries.budgets import levels_of, shared_budgets_for
from transactions.budgets.queries.locking import lock_spender
from transactions.budgets.services.shared_budgets import (
    SharedBudgetTerms,
    set_shared_budget,
)
from transactions.errors import IncrementRefused, InvalidRequest, StillRefused
from transactions.money.services.captures import capture, increment
from transactions.money.services.giving_back import void


@pytest.fixture
def north(people):
    return people.bob.team


@pytest.fixture
def mine(people):
    """An agent of team North."""
    return make_agent(people.carol, acting=people.alice, name="one", policy=POLICY)


@pytest.fixture
def yours(people):
    """Another of team North."""
    return make_agent(people.bob, acting=people.alice, name="two", policy=POLICY)


@pytest.fixture
def theirs(people):
    """One of team South."""
    return make_agent(people.eve, acting=people.alice, name="three", policy=POLICY)


def test_all_agents_of_a_team_spend_from_one_budget(alice, north, mine, yours, theirs):
    budget = share(alice, 100_00, north)

    assert spend(mine, "60.00").body["outcome"] == "allow"
    assert reasons(spend(yours, "40.01").body) == ["shared_budget_exceeded"]
    assert spend(yours, "40.00").body["outcome"] == "allow"
    assert spend(theirs, "90.00").body["outcome"] == "allow"
    assert used(budget) == (100_00, 0, 0)


def test_a_denial_names_the_budget_and_what_is_left(alice, north, mine):
    share(alice, 50_00, north)
    spend(mine, "20.00")

    [reason] = spend(mine, "31.00").body["reasons"]

    assert reason["message"] == (
        f"31.00 USD exceeds what is left of the {north.name} budget: 30.00 USD."
    )


def test_the_organisation_is_above_its_teams(alice, north, mine, yours, theirs):
    team, everybody = share(alice, 80_00, north), share(alice, 100_00, period="month")

    assert spend(theirs, "50.00").body["outcome"] == "allow"
    assert reasons(spend(mine, "50.01").body) == ["shared_budget_exceeded"]
    assert spend(mine, "50.00").body["outcome"] == "allow"
    assert (used(team), used(everybody)) == ((50_00, 0, 0), (100_00, 0, 0))
    assert Reservation.objects.latest("created_at").shared_budgets == sorted(
        [team.pk, everybody.pk]
    )


def test_money_taken_and_given_back_moves_in_the_shared_budget(alice, north, mine):
    budget = share(alice, 100_00, north)
    asked, act = spend(mine, "60.00").body["id"], {"acting": principal_of(mine)}

    capture(asked, amount="20.00", is_final=False, idempotency_key="one", **act)
    assert used(budget) == (40_00, 20_00, 0)
    void(asked, idempotency_key="two", acting=act["acting"])
    assert used(budget) == (0, 20_00, 0)


def test_test_agents_and_other_currencies_do_not_count(people, alice, north):
    budget = share(alice, 1_00, north)
    tester = make_agent(people.carol, acting=alice, name="test", mode="test")
    yen = make_agent(
        people.carol,
        acting=alice,
        name="yen",
        policy=POLICY | {"currency": "JPY", "max_transaction_amount": "1000"},
    )

    assert spend(tester, "60.00").body["outcome"] == "allow"
    assert spend(yen, "500").body["outcome"] == "allow"
    assert used(budget) == (0, 0, 0)


def test_what_was_spent_before_counts_and_is_given_back(alice, north, mine, yours):
    act = {"acting": principal_of(mine)}
    asked = spend(mine, "60.00").body["id"]
    taken = spend(yours, "30.00").body["id"]
    capture(
        taken,
        amount=None,
        is_final=False,
        idempotency_key="one",
        acting=principal_of(yours),
    )

    budget = share(alice, 100_00, north)

    assert used(budget) == (60_00, 30_00, 0)
    assert reasons(spend(mine, "10.01").body) == ["shared_budget_exceeded"]
    void(asked, idempotency_key="two", acting=act["acting"])
    assert used(budget) == (0, 30_00, 0)


def test_a_lower_limit_holds_although_more_is_set_aside(
    alice, admins, north, mine, bob
):
    budget = share(alice, 2000_00, north)
    approval = held(
        make_agent(mine.owner, acting=alice, name="held", policy=SEED_POLICY)
    )
    share(alice, 700_00, north)

    assert reasons(spend(mine, "0.01").body) == ["shared_budget_exceeded"]
    with pytest.raises(StillRefused):
        approve(approval, bob)
    loosen(admins, 750_00, north)
    assert approve(approval, bob).status == "approved"
    assert used(budget) == (750_00, 0, 0)


def test_a_budget_that_is_switched_off_and_on_counts_what_it_missed(
    alice, admins, north, mine
):
    share(alice, 100_00, north)
    spend(mine, "10.00")
    budget = loosen(admins, 100_00, north, is_active=False)
    assert spend(mine, "200.00").body["outcome"] == "allow"

    share(alice, 250_00, north)

    assert used(budget) == (210_00, 0, 0)
    assert SharedBudget.objects.count() == 1


def test_an_agent_whose_owner_changes_teams_leaves_its_spending_behind(
    people, alice, north, mine
):
    old = share(alice, 100_00, north)
    asked = spend(mine, "60.00").body["id"]
    mine.owner.team = people.eve.team
    mine.owner.save(update_fields=["team"])
    new = share(alice, 50_00, people.eve.team)

    assert used(new)[0] == 60_00  # What it has set aside today counts here as well.
    assert reasons(spend(mine, "1.00").body) == ["shared_budget_exceeded"]
    void(asked, acting=principal_of(mine), idempotency_key="void")
    assert (used(old)[0], used(new)[0]) == (0, 0)


def test_setting_one_is_told_with_its_changes(alice, north):
    share(alice, 100_00, north)
    share(alice, 90_00, north)

    first, second = AuditEvent.objects.filter(action="shared_budget.set").order_by("id")
    assert first.details["changes"]["limit_minor"] == [None, 100_00]
    assert second.details["changes"] == {"limit_minor": [100_00, 90_00]}
    assert second.actor_id == alice.pk


def test_only_an_administrator_sets_one(bob, carol, north, alice):
    before = everything()

    for person in (bob, carol):
        with pytest.raises(NotPermitted):
            share(person, 100_00, north)
    terms = SharedBudgetTerms(
        team_id="tea_none", currency="USD", period="day", limit_minor=1
    )
    with pytest.raises(InvalidRequest):
        set_shared_budget(terms, acting=alice)

    assert everything() == before


def test_people_see_their_teams_and_the_organisations(people, alice, north):
    north_budget = share(alice, 100_00, north)
    south_budget = share(alice, 100_00, people.eve.team)
    everybody = share(alice, 100_00)

    def seen(person):
        return {budget.pk for budget in shared_budgets_for(person)}

    assert seen(alice) == {north_budget.pk, south_budget.pk, everybody.pk}
    assert seen(people.carol) == {north_budget.pk, everybody.pk}
    assert seen(people.dave) == {everybody.pk}


def test_j1_many_agents_at_once_never_overspend_what_they_share(
    committed_db, people, alice
):
    team = people.bob.team
    team_budget, everybody = share(alice, 50_00, team), share(alice, 90_00)
    owners = [people.carol, people.bob, people.eve, people.dave]
    agents = [
        make_agent(owners[n % 4], acting=alice, name=f"agent {n}", policy=POLICY)
        for n in range(8)
    ]

    answers = at_once(
        *[
            lambda agent=agent, n=n: spend(agent, "10.00", merchant=f"Shop {n}").body
            for agent in agents
            for n in range(4)
        ]
    )

    assert Counter(body["outcome"] for body in answers) == {"allow": 9, "deny": 23}
    assert used(everybody) == (90_00, 0, 0)
    assert used(team_budget)[0] <= 50_00


def test_two_administrators_at_once_set_one_budget(committed_db, people, alice):
    frank = make_person("frank", User.Role.ADMIN)

    set_by_both = at_once(
        lambda: share(alice, 100_00, is_active=False),
        lambda: share(frank, 200_00, is_active=False),
    )

    [budget] = SharedBudget.objects.all()
    assert {one.pk for one in set_by_both} == {budget.pk}
    told = AuditEvent.objects.filter(action="shared_budget.set").order_by("id")
    assert told[0].details["changes"]["limit_minor"][0] is None
    assert told[1].details["changes"]["limit_minor"][1] == budget.limit_minor


def test_a_budget_that_comes_up_during_a_decision_misses_nothing(
    committed_db, people, alice
):
    agent = make_agent(people.carol, acting=alice, policy=POLICY)
    credential_of(agent)  # Else the thread waits to make one, before it asks.
    answers = []

    def ask():
        try:
            answers.append(spend(agent, "60.00").body)
        finally:
            connection.close()

    waiting = threading.Thread(target=ask)
    setting = threading.Thread(target=lambda: _share_and_close(alice))
    with transaction.atomic():
        lock_spender(agent.pk)
        waiting.start()
        wait_until_blocked()
        setting.start()
        wait_until_blocked(2)
    waiting.join(60)
    setting.join(60)

    # The decision was first in line for the agent's row.
    budget = SharedBudget.objects.get()
    assert [answer["outcome"] for answer in answers] == ["allow"]
    assert used(budget) == (60_00, 0, 0)
    assert reasons(spend(agent, "50.00").body) == ["shared_budget_exceeded"]


def _share_and_close(alice):
    try:
        share(alice, 100_00)
    finally:
        connection.close()


def test_agents_that_share_no_budget_never_wait_for_each_other(
    committed_db, people, alice
):
    share(alice, 1000_00, people.bob.team)
    north = make_agent(people.carol, acting=alice, name="north", policy=POLICY)
    south = make_agent(people.eve, acting=alice, name="south", policy=POLICY)

    with transaction.atomic():
        lock_spender(north.pk)
        [body] = at_once(lambda: spend(south, "10.00").body)

    assert body["outcome"] == "allow"


def test_a_raised_limit_holds_for_increments_too(alice, admins, north, mine):
    budget = share(alice, 100_00, north)
    asked = spend(mine, "60.00").body["id"]
    act = {"acting": principal_of(mine)}

    loosen(admins, 130_00, north)
    increment(asked, amount="70.00", idempotency_key="one", **act)

    assert used(budget) == (130_00, 0, 0)
    with pytest.raises(IncrementRefused):
        increment(asked, amount="0.01", idempotency_key="two", **act)


def test_money_goes_back_after_the_budgets_time_zone_changed(
    alice, admins, north, mine
):
    zones = ("Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC")
    budget = share(alice, 100_00, north, time_zone="Etc/GMT-13")
    for n, zone in enumerate(zones):
        loosen(admins, 100_00, north, time_zone=zone)
        asked = spend(mine, "60.00", merchant=f"Shop {n}").body["id"]
        void(asked, acting=principal_of(mine), idempotency_key=f"void-{n}")

    assert used(budget) == (0, 0, 0)


def test_money_goes_back_although_the_owner_left_before_it_was_counted_anew(
    people, alice, admins, north, mine
):
    budget = share(alice, 100_00, north)
    asked = spend(mine, "60.00").body["id"]
    mine.owner.team = people.eve.team
    mine.owner.save(update_fields=["team"])

    loosen(admins, 100_00, north, is_active=False)
    share(alice, 100_00, north)

    assert used(budget) == (60_00, 0, 0)
    void(asked, acting=principal_of(mine), idempotency_key="void")
    assert used(budget) == (0, 0, 0)


def test_a_budget_that_is_switched_off_judges_nothing_and_still_counts(
    alice, admins, north, mine, bob
):
    budget = share(alice, 800_00, north)
    other = make_agent(mine.owner, acting=alice, name="held", policy=SEED_POLICY)
    approval = held(other, "750.00")
    asked = spend(mine, "50.00").body["id"]
    act = {"acting": principal_of(mine)}

    loosen(admins, 700_00, north, is_active=False)
    assert [each.label for each in levels_of(approval.transaction)] == []
    increment(asked, amount="150.00", idempotency_key="one", **act)
    assert approve(approval, bob).status == "approved"

    assert used(budget) == (950_00, 0, 0)
    share(alice, 700_00, north)
    with pytest.raises(IncrementRefused) as refused:
        increment(asked, amount="0.01", idempotency_key="two", **act)
    assert reasons({"reasons": refused.value.reasons}) == ["shared_budget_exceeded"]
    void(asked, idempotency_key="three", acting=act["acting"])
    assert used(budget) == (750_00, 0, 0)
