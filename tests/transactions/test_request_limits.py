"""What stands against a request: locks, pots, counts and clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from security.locks.models import ResourceLock
from tests.factories import make_agent
from tests.spending import everything, held, principal_of, set_aside_minor, spend
from transactions import errors
from transactions.budgets.models import Budget
from transactions.spending.models import Transaction
from transactions.spending.services.lifecycle import cancel


@pytest.mark.parametrize("kind", ["agent", "user", "merchant", "everything"])
def test_a_live_lock_denies_and_a_released_one_does_not(agent, kind):
    target = {"agent": agent.pk, "user": agent.owner_id, "merchant": "amazon"}
    lock = ResourceLock.objects.create(
        kind=kind, target_id=target.get(kind, ""), reason="x", locked_by="x"
    )

    body = spend(agent).body

    assert (body["outcome"], body["reasons"][0]["code"]) == ("deny", "resource_locked")
    ResourceLock.objects.filter(pk=lock.pk).update(released_at=datetime.now(UTC))
    assert spend(agent, "49.98").body["outcome"] == "allow"


def test_the_daily_budget_is_exact_over_several_requests(agent, give_policy):
    give_policy(agent, daily_budget="100.00")

    outcomes = [
        spend(agent, amount).body["outcome"]
        for amount in ("60.00", "40.01", "39.99", "0.02", "0.01", "0.01")
    ]

    assert outcomes == ["allow", "deny", "allow", "deny", "allow", "deny"]
    assert set_aside_minor() == 100_00


def test_a_held_request_reserves_budget_too(agent, give_policy):
    give_policy(agent, daily_budget="1000.00")

    held(agent, "750.00")

    assert spend(agent, "250.01").body["outcome"] == "deny"
    assert spend(agent, "250.00").body["outcome"] == "allow"


def test_the_hourly_limit_is_exact(agent, give_policy):
    give_policy(agent, max_transactions_per_hour=3)

    outcomes = [spend(agent, f"{n}.00").body["outcome"] for n in (1, 2, 3, 4)]

    assert outcomes == ["allow", "allow", "allow", "deny"]


def test_the_number_of_waiting_approvals_is_bounded(agent):
    approvals = [held(agent, f"6{n:02}.00") for n in range(20)]

    body = spend(agent, "700.00").body

    assert body["outcome"] == "deny"
    assert [reason["code"] for reason in body["reasons"]] == ["too_many_waiting"]
    cancel(approvals[0].transaction_id, acting=principal_of(agent))
    assert spend(agent, "701.00").body["outcome"] == "hold"


def test_a_live_agent_has_no_clock_of_its_own(agent):
    before = everything()

    with pytest.raises(errors.ClockRefused):
        spend(agent, occurred_at=datetime(2024, 1, 1, tzinfo=UTC))

    assert everything() == before


def test_j12_a_test_agent_has_its_own_clock_and_a_budget_for_each_of_its_days(
    people, give_policy
):
    tester = make_agent(people.carol, acting=people.alice, name="replay", mode="test")
    give_policy(tester, daily_budget="100.00")
    at = datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)

    body = spend(tester, "10.00", occurred_at=at).body
    spend(tester, "11.00", occurred_at=at + timedelta(seconds=1))
    spend(tester, "12.00", occurred_at=at)  # The clock went back.

    assert body["occurred_at"] == "2024-02-29T23:59:59Z"
    pots = Budget.objects.order_by("starts_at").values_list(
        "starts_at__date", "reserved_minor"
    )
    assert list(pots) == [(date(2024, 2, 29), 22_00), (date(2024, 3, 1), 11_00)]
    row = Transaction.objects.get(pk=body["id"])
    assert abs(row.created_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_clock_in_another_zone_is_the_same_instant(people, give_policy):
    tester = make_agent(people.carol, acting=people.alice, name="replay", mode="test")
    give_policy(tester, daily_budget="100.00")
    at = datetime(2024, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))

    spend(tester, "10.00", occurred_at=at)

    assert Budget.objects.get().starts_at.date() == date(2024, 2, 29)
