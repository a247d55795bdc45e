"""Limits per period at work: what counts in them, and since when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.factories import make_agent
from tests.spending import approve, deny, held, principal_of, set_aside_minor, spend
from tests.transactions.moving import act
from transactions.budgets.models import Budget
from transactions.budgets.queries.budgets import levels_of
from transactions.errors import IncrementRefused, StillRefused
from transactions.money.services.giving_back import void
from transactions.spending.models import Transaction
from transactions.spending.services.lifecycle import cancel, expire_due_authorizations

NOON = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OPEN = {
    "allowed_merchants": None,
    "requires_approval_above": None,
    "blocked_categories": [],
}


@pytest.fixture
def tester(people, give_policy):
    """An agent with a clock of its own, so that time can be set."""
    agent = make_agent(people.carol, acting=people.alice, name="clock", mode="test")

    give_policy(agent, **OPEN)
    return agent


@pytest.fixture
def limit(tester, give_policy):
    """Limits the tester, and nothing else: limit({"period": "day", …}, …)."""

    def give(*limits, **terms):
        give_policy(tester, limits=list(limits), **OPEN, **terms)

    return give


def codes(agent, amount, at, **values):
    """Ask, each time for another odd amount, and return outcome and reason codes."""
    body = spend(agent, amount, occurred_at=at, **values).body
    return body["outcome"], [reason["code"] for reason in body["reasons"]]


ALLOWED = ("allow", ["allowed_by_policy"])
TOO_MUCH = ("deny", ["amount_limit_exceeded"])
TOO_OFTEN = ("deny", ["count_limit_exceeded"])


def test_a_calendar_limit_begins_anew_in_the_policys_zone(tester, limit):
    limit({"period": "week", "amount": "100.00"}, time_zone="Asia/Tokyo")
    sunday = datetime(2025, 3, 9, 14, 59, tzinfo=UTC)  # 23:59 in Tokyo.

    assert codes(tester, "60.00", sunday) == ALLOWED
    assert codes(tester, "40.01", sunday) == TOO_MUCH
    assert codes(tester, "40.00", sunday) == ALLOWED
    assert codes(tester, "0.01", sunday) == TOO_MUCH
    assert codes(tester, "99.00", sunday + timedelta(minutes=1)) == ALLOWED


def test_a_rolling_limit_frees_what_is_long_enough_ago(tester, limit):
    limit({"period": "hour", "window": "rolling", "amount": "100.00"})

    assert codes(tester, "60.00", NOON) == ALLOWED
    assert codes(tester, "40.00", NOON + timedelta(minutes=30)) == ALLOWED
    assert codes(tester, "1.00", NOON + timedelta(minutes=60)) == TOO_MUCH
    # The minute in which an hour begins counts as a whole.
    assert codes(tester, "60.00", NOON + timedelta(minutes=61)) == ALLOWED
    assert codes(tester, "0.50", NOON + timedelta(minutes=62)) == TOO_MUCH
    assert [b.reserved_minor for b in Budget.objects.order_by("starts_at")] == [
        60_00,
        40_00,
        60_00,
    ]


def test_j12_a_clock_that_goes_back_finds_the_days_it_had(tester, limit):
    limit(daily_budget="100.00")

    assert codes(tester, "80.00", NOON) == ALLOWED
    assert codes(tester, "90.00", NOON + timedelta(days=1)) == ALLOWED
    assert codes(tester, "30.00", NOON) == ("deny", ["daily_budget_exceeded"])
    assert codes(tester, "20.00", NOON) == ALLOWED


@pytest.mark.parametrize("window", ["calendar", "rolling"])
def test_transactions_are_counted_and_denied_ones_are_not(tester, limit, window):
    limit({"period": "day", "window": window, "count": 2})

    assert codes(tester, "1.00", NOON) == ALLOWED
    assert codes(tester, "5000.00", NOON)[0] == "deny"
    assert codes(tester, "3.00", NOON + timedelta(minutes=5)) == ALLOWED
    assert codes(tester, "4.00", NOON + timedelta(minutes=9)) == TOO_OFTEN


def test_each_merchant_and_each_category_is_counted_apart(tester, limit):
    limit(
        {"period": "month", "per": "merchant", "amount": "50.00"},
        {"period": "month", "per": "category", "name": "travel", "amount": "70.00"},
    )

    assert codes(tester, "50.00", NOON, merchant="Amazon") == ALLOWED
    assert codes(tester, "1.00", NOON, merchant="AMAZON") == TOO_MUCH
    assert codes(tester, "49.00", NOON, merchant="Rail", category="travel") == ALLOWED
    assert codes(tester, "22.00", NOON, merchant="Air", category="travel") == TOO_MUCH
    assert codes(tester, "21.00", NOON, merchant="Air", category="travel") == ALLOWED
    assert codes(tester, "45.00", NOON, merchant="Air") == TOO_MUCH
    assert codes(tester, "29.00", NOON, merchant="Air") == ALLOWED


def test_a_limit_of_one_merchant_leaves_the_others_alone(tester, limit):
    limit(
        {"period": "all_time", "per": "merchant", "name": "Amazon", "amount": "10.00"}
    )

    assert codes(tester, "10.00", NOON) == ALLOWED
    assert codes(tester, "0.01", NOON + timedelta(days=4000)) == TOO_MUCH
    assert codes(tester, "300.00", NOON, merchant="Walmart") == ALLOWED


def test_a_new_limit_knows_what_was_spent_before_it(tester, limit):
    limit()
    assert codes(tester, "60.00", NOON - timedelta(days=3)) == ALLOWED
    assert codes(tester, "30.00", NOON) == ALLOWED
    assert codes(tester, "5.00", NOON, merchant="Walmart") == ALLOWED
    assert Budget.objects.count() == 0

    limit(
        {"period": "month", "amount": "100.00"},
        {"period": "day", "window": "rolling", "amount": "40.00"},
        {"period": "month", "per": "merchant", "amount": "95.00", "count": 3},
    )

    assert codes(tester, "5.01", NOON)[0] == "deny"
    assert codes(tester, "4.00", NOON) == ALLOWED
    assert codes(tester, "0.50", NOON) == TOO_OFTEN
    assert codes(tester, "0.75", NOON, merchant="Walmart") == ALLOWED


def test_what_was_spent_while_a_limit_was_lifted_counts_when_it_is_back(tester, limit):
    month = {"period": "month", "amount": "100.00"}
    limit(month)
    assert codes(tester, "50.00", NOON) == ALLOWED
    limit()
    assert codes(tester, "49.00", NOON) == ALLOWED
    limit(month)

    assert codes(tester, "1.01", NOON) == TOO_MUCH
    assert codes(tester, "1.00", NOON) == ALLOWED


def test_a_lower_limit_holds_at_once_although_more_was_spent(tester, limit):
    limit({"period": "month", "amount": "100.00"})
    assert codes(tester, "90.00", NOON) == ALLOWED
    limit({"period": "month", "amount": "50.00"})

    assert codes(tester, "0.01", NOON) == TOO_MUCH
    assert set_aside_minor() == 90_00


@pytest.mark.parametrize("ending", ["deny", "cancel", "void", "expire"])
def test_what_is_given_back_burns_no_limit(agent, give_policy, bob, ending):
    give_policy(
        agent,
        limits=[
            {"period": "day", "amount": "800.00", "count": 1},
            {"period": "month", "window": "rolling", "amount": "800.00"},
            {"period": "week", "per": "category", "amount": "800.00"},
        ],
    )
    act = {"acting": principal_of(agent)}
    if ending in ("deny", "cancel"):
        approval = held(agent, "750.00")
        asked = approval.transaction
        if ending == "deny":
            deny(approval, bob)
        else:
            cancel(asked.pk, **act)
    else:
        body = spend(agent, "350.00").body
        if ending == "void":
            void(body["id"], idempotency_key="void", acting=act["acting"])
        else:
            pass_time(body["id"])
            later = datetime.now(UTC)
            assert expire_due_authorizations(now=later) == 1

    assert set_aside_minor() == 0
    assert [(b.reserved_minor, b.count) for b in Budget.objects.all()] == [(0, 0)] * 3
    assert spend(agent, "20.00").body["outcome"] == "allow"


def pass_time(transaction_id):
    Transaction.objects.filter(pk=transaction_id).update(
        expires_at=datetime.now(UTC) - timedelta(seconds=1)
    )


def test_an_approval_is_judged_by_the_limits_of_now(agent, give_policy, bob):
    give_policy(agent, limits=[{"period": "week", "amount": "1000.00"}])
    approval = held(agent, "750.00")
    give_policy(agent, limits=[{"period": "week", "amount": "749.99"}])

    with pytest.raises(StillRefused) as refused:
        approve(approval, bob)

    codes = [reason["code"] for reason in refused.value.reasons]
    assert codes == ["amount_limit_exceeded"]
    give_policy(agent, limits=[{"period": "week", "amount": "750.00", "count": 1}])
    assert approve(approval, bob).status == "approved"


@pytest.mark.parametrize("window", ["calendar", "rolling"])
def test_a_budget_that_only_saw_denials_is_counted_anew(agent, give_policy, window):
    for amount in ("10.00", "20.00", "30.00"):
        limit = {"period": "day", "window": window, "amount": amount}
        give_policy(agent, limits=[limit])
        assert spend(agent, "30.01").body["outcome"] == "deny"

    assert spend(agent, "30.00").body["outcome"] == "allow"

    [budget] = Budget.objects.all()
    assert (budget.reserved_minor, budget.count) == (30_00, 1)


def test_people_are_told_how_far_each_limit_is_used(agent, give_policy):
    give_policy(
        agent,
        limits=[
            {"period": "week", "per": "merchant", "name": "Amazon", "amount": "900.00"},
            {"period": "day", "count": 5},
        ],
    )
    approval = held(agent, "750.00")

    levels = levels_of(approval.transaction)

    assert [(each.label, each.limit, each.used, each.currency) for each in levels] == [
        ("At Amazon in a week", 900_00, 750_00, "USD"),
        ("In a day", 5, 1, ""),
    ]


@pytest.mark.parametrize(
    ("per", "name", "here", "at_each"),
    [
        ("merchant", "Amazon", "at Amazon", "at one merchant"),
        ("category", "travel", "on travel", "on one category"),
    ],
)
@pytest.mark.parametrize("window", ["calendar", "rolling"])
def test_a_limit_of_each_and_a_limit_of_one_both_hold(
    agent, give_policy, per, name, here, at_each, window
):
    """The stricter amount and the stricter count, whichever limit they are of."""
    each = {"period": "month", "window": window, "per": per}
    within = {"calendar": "in a month", "rolling": "within 30 days"}[window]
    limits = [
        {**each, "amount": "500.00", "count": 3},
        {**each, "name": name, "amount": "100.00", "count": 9},
    ]
    one = {"merchant": "Amazon", "category": "travel"}
    for order in (limits, limits[::-1]):
        give_policy(agent, limits=order, **OPEN)

        [denied] = spend(agent, "100.01", **one).body["reasons"]

        assert denied["code"] == "amount_limit_exceeded"
        assert f" {here} {within}" in denied["message"]
    allowed = [spend(agent, f"{n}.00", **one).body["outcome"] for n in (10, 20, 30)]
    assert allowed == ["allow"] * 3
    [often] = spend(agent, "1.00", **one).body["reasons"]
    assert often["code"] == "count_limit_exceeded"
    assert f" {at_each} {within}" in often["message"]
    [budget] = Budget.objects.all()
    assert (budget.reserved_minor, budget.count) == (60_00, 3)
    assert (budget.limit_minor, budget.limit_count) == (100_00, 3)
    elsewhere = {"merchant": "Walmart", "category": "groceries"}
    assert spend(agent, "499.00", **elsewhere).body["outcome"] == "allow"


def test_people_are_told_of_a_limit_of_each_and_of_one(agent, give_policy):
    each = {"period": "week", "per": "merchant"}
    give_policy(
        agent,
        limits=[
            {**each, "amount": "900.00"},
            {"period": "day", "count": 5},
            {**each, "name": "Amazon", "amount": "800.00", "count": 3},
        ],
    )
    approval = held(agent, "750.00")

    levels = levels_of(approval.transaction)

    assert [(each.label, each.limit, each.used) for each in levels] == [
        ("At one merchant in a week", 900_00, 750_00),
        ("In a day", 5, 1),
        ("At Amazon in a week", 800_00, 750_00),
        ("At Amazon in a week", 3, 1),
    ]


def test_more_of_what_is_long_past_counts_what_stood_beside_it(tester, limit):
    """Although what stood there was asked for before there was such a limit."""
    limit()
    assert codes(tester, "550.00", NOON) == ALLOWED
    asked = spend(tester, "100.00", occurred_at=NOON + HOUR, merchant="Rail").body["id"]
    limit({"period": "day", "window": "rolling", "amount": "700.00", "count": 2})
    later = NOON + timedelta(days=2)
    assert codes(tester, "1.00", later, merchant="Air") == ALLOWED

    with pytest.raises(IncrementRefused) as refused:
        act(tester, "increment", asked, amount="50.01")

    assert [each["code"] for each in refused.value.reasons] == ["amount_limit_exceeded"]
    act(tester, "increment", asked, amount="50.00")
    assert set_aside_minor() == 701_00


@pytest.fixture
def hour(tester, give_policy):
    """At most 100.00 within 60 minutes; more than 50.00 waits for a human."""
    hour = {"period": "hour", "window": "rolling", "amount": "100.00", "count": 3}
    give_policy(tester, **OPEN | {"requires_approval_above": "50.00"}, limits=[hour])


def test_what_was_spent_long_after_a_request_does_not_count_at_its_approval(
    tester, hour, bob
):
    approval = held(tester, "60.00", occurred_at=NOON)
    for n in (2, 4, 6):
        assert codes(tester, f"{40 + n}.00", NOON + n * HOUR) == ALLOWED
    row = approval.transaction

    assert [(each.limit, each.used) for each in levels_of(row)] == [
        (100_00, 60_00),
        (3, 1),
    ]
    assert approve(approval, bob).status == "approved"


def test_an_increment_fits_in_every_hour_that_it_is_part_of(tester, hour):
    """Also in those that are neither before nor after it: 11:30 to 12:30."""
    half = HOUR / 2
    assert codes(tester, "31.00", NOON - half, merchant="Rail") == ALLOWED
    asked = spend(tester, "20.00", occurred_at=NOON, merchant="Air").body["id"]
    assert codes(tester, "32.00", NOON + half, merchant="Sea") == ALLOWED
    assert codes(tester, "48.00", NOON + 4 * half, merchant="Bus") == ALLOWED

    with pytest.raises(IncrementRefused) as refused:
        act(tester, "increment", asked, amount="17.01")

    [reason] = refused.value.reasons
    assert "what may still be spent within 60 minutes: 37.00 USD" in reason["message"]
    act(tester, "increment", asked, amount="17.00")
    # So nothing more at 12:30.
    assert codes(tester, "0.01", NOON + half)[0] == "deny"


def test_j12_money_goes_back_although_clocks_changed_by_half_an_hour(tester, limit):
    limit({"period": "hour", "amount": "700.00"}, time_zone="Australia/Lord_Howe")
    change = datetime(2026, 10, 3, 15, 30, tzinfo=UTC)
    assert codes(tester, "10.00", change + HOUR / 4) == ALLOWED
    later = spend(tester, "100.00", occurred_at=change + 2 * HOUR / 3, merchant="Rail")

    act(tester, "void", later.body["id"])

    assert [b.reserved_minor for b in Budget.objects.order_by("starts_at")] == [
        10_00,
        0,
    ]
