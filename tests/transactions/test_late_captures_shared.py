"""What one agent's late captures mean for those that share a budget with it."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.db import connection

from tests.factories import make_agent
from tests.spending import spend
from tests.transactions.moving import act, reverse_late, take_late
from tests.transactions.sharing import POLICY, reasons, share
from transactions.budgets.models import Budget
from transactions.budgets.queries.budgets import shared_levels, used_minor
from transactions.money.queries import money_faults
from transactions.money.services.late_captures import report_late_capture

migration = import_module("transactions.migrations.0011_late_capture_reversals")


@pytest.fixture
def mine(people):
    policy = POLICY | {"daily_budget": "1000.00"}
    return make_agent(people.carol, acting=people.alice, name="one", policy=policy)


@pytest.fixture
def yours(people):
    return make_agent(people.carol, acting=people.alice, name="two", policy=POLICY)


def voided(agent, amount="60.00", **values):
    asked = spend(agent, amount, **values).body["id"]
    act(agent, "void", asked)
    return asked


def counted(budget):
    """Return what was taken late, what of it is above, and what counts."""
    [(_, row)] = shared_levels([budget])
    return row.late_minor, row.late_above_minor, used_minor(row, is_shared=True)


def test_j17_others_are_denied_no_more_than_was_authorized(
    alice, people, mine, yours, pair
):
    budget = share(alice, 100_00, people.north)

    take_late(voided(mine), "5000.00", people=pair)

    assert counted(budget) == (5000_00, 4940_00, 60_00)
    assert spend(yours, "40.00").body["outcome"] == "allow"
    assert reasons(spend(yours, "0.01").body) == ["shared_budget_exceeded"]
    assert list(money_faults()) == []


def test_j17_the_agents_own_limit_counts_all_of_it(alice, people, mine, pair):
    share(alice, 9000_00, people.north)

    take_late(voided(mine), "1000.00", people=pair)

    assert reasons(spend(mine, "1.00").body) == ["daily_budget_exceeded"]


def test_j17_a_reversal_gives_back_first_what_was_above(alice, people, mine, pair):
    budget = share(alice, 100_00, people.north)
    asked = voided(mine)
    report_late_capture(asked, amount="50.00", reference="a", acting=pair[0])
    take_late(asked, "30.00", "b", people=pair)
    assert counted(budget) == (80_00, 20_00, 60_00)

    reverse_late(asked, "a", people=pair)
    assert counted(budget) == (30_00, 0, 30_00)
    reverse_late(asked, "b", people=pair)

    assert counted(budget) == (0, 0, 0)
    assert list(money_faults()) == []


def test_j17_a_budget_that_is_set_afterwards_counts_as_much(alice, people, mine, pair):
    asked = voided(mine)
    take_late(asked, "5000.00", people=pair)
    take_late(asked, "7.00", "b", people=pair)
    reverse_late(asked, "b", people=pair)

    for period in ("day", "all_time"):
        budget = share(alice, 100_00, people.north, period)
        assert counted(budget) == (5000_00, 4940_00, 60_00)
    assert list(money_faults()) == []


def test_j17_a_new_policy_counts_all_of_it_in_the_agents_own_limits(
    people, mine, pair, give_policy
):
    asked = voided(mine)
    take_late(asked, "500.00", people=pair)
    take_late(asked, "7.00", "b", people=pair)
    reverse_late(asked, "b", people=pair)
    give_policy(mine, **POLICY, daily_budget="520.00")

    assert reasons(spend(mine, "20.01").body) == ["daily_budget_exceeded"]
    assert spend(mine, "20.00").body["outcome"] == "allow"
    assert list(money_faults()) == []


def test_j17_what_was_taken_before_the_upgrade_is_told_apart_after_it(
    alice, people, mine, pair
):
    """As the old version left it: late captures in budgets that know of no above."""
    budget = share(alice, 100_00, people.north)
    take_late(voided(mine), "5000.00", people=pair)
    Budget.objects.update(late_above_minor=0)

    with connection.cursor() as cursor:
        cursor.execute(migration.COUNT_ABOVE)

    assert counted(budget) == (5000_00, 4940_00, 60_00)
    assert list(money_faults()) == []
    assert reasons(spend(mine, "1.00").body) == ["daily_budget_exceeded"]
    assert list(money_faults()) == []
