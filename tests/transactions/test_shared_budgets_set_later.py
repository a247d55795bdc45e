"""Shared budgets that are set, or set otherwise, after money was set aside."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from tests.elsewhere import wait_until_blocked
from tests.factories import make_agent
from tests.spending import principal_of, spend
from tests.transactions.moving import OPERATIONS
from tests.transactions.sharing import POLICY, loosen, reasons, share, used
from tests.transactions.test_races import attempt
from transactions.budgets.models import Reservation, SharedBudget
from transactions.budgets.queries.locking import lock_spender
from transactions.errors import BudgetsChanging, IncrementRefused
from transactions.money.services.captures import increment


@pytest.mark.parametrize("step", ["increment", "void"])
def test_a_budget_that_comes_up_during_a_step_is_not_passed_by(
    committed_db, people, alice, step
):
    first, last = sorted(
        (
            make_agent(people.carol, acting=alice, name=name, policy=POLICY)
            for name in ("one", "two")
        ),
        key=lambda agent: agent.pk,
    )
    asked, act = spend(first, "60.00").body["id"], {"acting": principal_of(first)}
    more = {"amount": "90.00"} if step == "increment" else {}
    results = []

    def go_on(key):
        return OPERATIONS[step](asked, idempotency_key=key, **more, **act)

    setting = threading.Thread(target=lambda: attempt(partial(share, alice, 100_00)))
    going = threading.Thread(
        target=lambda: results.append(attempt(partial(go_on, "meanwhile")))
    )
    with transaction.atomic():
        lock_spender(last.pk)
        setting.start()  # Has the first agent's row, waits for the last one's.
        wait_until_blocked()
        going.start()
        wait_until_blocked(2)
    setting.join(60)
    going.join(60)

    budget = SharedBudget.objects.get()
    assert [type(one) for one in results] == [BudgetsChanging]
    assert used(budget) == (60_00, 0, 0)
    if step == "increment":
        with pytest.raises(IncrementRefused):
            go_on("again")
        assert used(budget) == (60_00, 0, 0)
    else:
        go_on("again")
        assert used(budget) == (0, 0, 0)


@pytest.mark.parametrize("sign", [1, -1], ids=["east", "west"])
def test_a_changed_time_zone_leaves_the_days_before_their_limit(
    people, alice, admins, sign
):
    north = people.bob.team
    mine, yours = (
        make_agent(owner, acting=alice, name=owner.username, policy=POLICY)
        for owner in (people.carol, people.bob)
    )
    budget = share(alice, 100_00, north)
    asked = spend(mine, "60.00").body["id"]
    spend(yours, "40.00")
    act = {"acting": principal_of(mine)}
    today = timezone.now()
    zone = _zone_far_from_midnight(today, sign)

    with time_machine.travel(today + timedelta(days=1), tick=False):
        loosen(admins, 100_00, north, time_zone=zone)
    for key in ("one", "two"):
        with pytest.raises(IncrementRefused) as refused:
            increment(asked, amount="0.01", idempotency_key=key, **act)
        told = {"reasons": refused.value.reasons}
        assert reasons(told) == ["shared_budget_exceeded"]
    with time_machine.travel(today + timedelta(days=1), tick=False):
        loosen(admins, 150_00, north, time_zone=zone)
    increment(asked, amount="50.00", idempotency_key="three", **act)
    with pytest.raises(IncrementRefused):
        increment(asked, amount="0.01", idempotency_key="four", **act)

    reservation = Reservation.objects.get(pk=asked)
    assert (reservation.amount_minor, reservation.shared_budgets) == (
        110_00,
        [budget.pk],
    )


def _zone_far_from_midnight(now, sign):
    """Return another time zone, east or west, in whose day this instant is inside."""
    hours = next(n for n in range(3, 12) if 2 <= (now.hour + sign * n) % 24 <= 21)
    return f"Etc/GMT{-sign * hours:+d}"
