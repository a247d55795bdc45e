"""What becomes of money set aside: captured, voided, raised, refunded, taken late."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from audit.base.errors import NotFound
from audit.models import AuditEvent
from tests.factories import make_agent
from tests.spending import approve, everything, held, set_aside_minor, spend
from tests.transactions.moving import act, budget, ledger, money, status
from transactions import errors
from transactions.budgets.models import Reservation
from transactions.decisions.models import IdempotencyRecord
from transactions.money.models import Refund
from transactions.risk.models import AgentActivity
from transactions.spending.models import Transaction


def test_a_capture_takes_all_that_was_set_aside(limited, asked):
    answer = act(limited, "capture", asked)

    assert (answer.status_code, answer.body["status"]) == (200, "captured")
    assert answer.body["reserved_amount"] == "0.00"
    assert answer.body["captured_amount"] == "100.00"
    assert money(asked) == [100, 100, 0, 0, 0]
    assert Reservation.objects.get().resolved_at is not None
    assert budget() == (0, 100_00, 0, 1)
    assert ledger() == {"available": -100_00, "captured": 100_00}
    event = AuditEvent.objects.get(action="transaction.captured")
    assert event.details["amount"] == "100.00"
    assert event.actor_id == limited.pk


def test_parts_are_captured_until_nothing_is_left(limited, asked):
    first = act(limited, "capture", asked, amount="30.00").body
    second = act(limited, "capture", asked, amount=Decimal("69.99")).body

    assert [first["status"], second["status"]] == ["partially_captured"] * 2
    assert second["reserved_amount"] == "0.01"
    assert budget() == (1, 99_99, 0, 1)
    assert act(limited, "capture", asked).body["status"] == "captured"
    assert money(asked) == [100, 100, 0, 0, 0]


def test_a_final_capture_gives_the_rest_back(limited, asked):
    body = act(limited, "capture", asked, amount="30.00", is_final=True).body

    assert (body["status"], body["reserved_amount"]) == ("captured", "0.00")
    assert money(asked) == [100, 30, 70, 0, 0]
    assert budget() == (0, 30_00, 0, 1)
    assert ledger() == {"available": -30_00, "captured": 30_00}


def test_a_void_gives_everything_back(limited, asked):
    body = act(limited, "void", asked).body

    assert body["status"] == status(asked) == "voided"
    assert money(asked) == [100, 0, 100, 0, 0]
    assert budget() == (0, 0, 0, 0)
    assert ledger() == {}


def test_a_void_keeps_what_was_captured(limited, asked):
    act(limited, "capture", asked, amount="30.00")
    act(limited, "void", asked)

    assert status(asked) == "voided"
    assert money(asked) == [100, 30, 70, 0, 0]
    assert budget() == (0, 30_00, 0, 1)


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("100.01", "amount_above_rest"),
        ("0", "amount_not_positive"),
        ("-1", "amount_not_positive"),
        ("1.001", "amount_too_many_decimals"),
        ("NaN", "amount_not_a_number"),
        (True, "amount_not_a_number"),
    ],
)
@pytest.mark.parametrize("operation", ["capture", "refund"])
def test_an_amount_that_cannot_be_taken_is_refused(
    limited, asked, operation, amount, code
):
    if operation == "refund":
        act(limited, "capture", asked)
    before = everything()

    with pytest.raises((errors.InvalidRequest, errors.AmountTooLarge)) as refused:
        act(limited, operation, asked, amount=amount)

    assert (refused.value.code, refused.value.pointer) == (code, "/amount")
    assert everything() == before


@pytest.mark.parametrize("operation", ["capture", "void", "increment"])
def test_only_money_that_is_held_can_be_moved(limited, asked, bob, operation):
    waiting = held(limited, "750.00").transaction_id
    declined = spend(limited, "5000.00").body["id"]
    act(limited, "void", asked)
    values = {"amount": "1.00"} if operation == "increment" else {}
    before = everything()

    for transaction_id in (asked, waiting, declined):
        with pytest.raises(errors.InvalidState):
            act(limited, operation, transaction_id, **values)

    assert everything() == before


@pytest.mark.parametrize("operation", ["capture", "void", "increment"])
def test_money_is_not_taken_after_its_time(limited, asked, operation):
    past = timezone.now() - timedelta(seconds=1)
    Transaction.objects.filter(pk=asked).update(expires_at=past)
    values = {"amount": "1.00"} if operation == "increment" else {}

    with pytest.raises(errors.AuthorizationExpired):
        act(limited, operation, asked, **values)

    assert status(asked) == "expired"
    assert money(asked) == [100, 0, 100, 0, 0]
    assert budget() == (0, 0, 0, 0)
    assert AuditEvent.objects.filter(action="transaction.expired").count() == 1


def test_another_agents_transaction_is_not_found(people, limited, asked):
    other = make_agent(people.carol, acting=people.alice, name="other")
    before = everything()

    for operation, values in (
        ("capture", {}),
        ("void", {}),
        ("refund", {}),
        ("increment", {"amount": "1.00"}),
    ):
        with pytest.raises(NotFound):
            act(other, operation, asked, **values)

    assert everything() == before


def test_j2_the_same_key_gets_the_same_answer_and_moves_money_once(limited, asked):
    first = act(limited, "capture", asked, key="once", amount="10.00")
    again = act(limited, "capture", asked, key="once", amount="10.00")

    assert (first.is_replay, again.is_replay) == (False, True)
    assert (again.status_code, again.body) == (first.status_code, first.body)
    assert money(asked) == [100, 10, 0, 0, 0]
    before = everything()
    for operation, values in (
        ("capture", {"amount": "10.01"}),
        ("capture", {"amount": "10.00", "is_final": True}),
        ("void", {}),
        ("refund", {"amount": "10.00"}),
    ):
        with pytest.raises(errors.IdempotencyConflict):
            act(limited, operation, asked, key="once", **values)
    assert everything() == before


def test_a_key_of_a_request_is_no_key_of_a_capture(limited):
    body = spend(limited, "10.00", key="shared").body

    with pytest.raises(errors.IdempotencyConflict):
        act(limited, "capture", body["id"], key="shared")

    assert money(body["id"]) == [10, 0, 0, 0, 0]


def test_a_refusal_keeps_no_key(limited, asked):
    with pytest.raises(errors.AmountTooLarge):
        act(limited, "capture", asked, key="again", amount="100.01")

    assert not IdempotencyRecord.objects.filter(key="again").exists()
    assert act(limited, "capture", asked, key="again").body["status"] == "captured"


def test_j14_a_refund_raises_no_budget(limited, asked):
    act(limited, "capture", asked)
    answer = act(
        limited, "refund", asked, amount="40.00", reason="Broken 4111111111111111"
    )

    refund = Refund.objects.get()
    assert answer.status_code == 201
    assert answer.body == {
        "id": refund.pk,
        "object": "refund",
        "transaction": asked,
        "amount": "40.00",
        "currency": "USD",
        "reason": refund.reason,
        "created_at": answer.body["created_at"],
    }
    assert "411111111111" not in refund.reason
    assert money(asked) == [100, 100, 0, 0, 40]
    assert budget() == (0, 100_00, 0, 1)
    assert ledger() == {"available": -100_00, "captured": 60_00, "refunded": 40_00}
    assert status(asked) == "captured"


def test_refunds_never_pass_what_was_captured(limited, asked):
    act(limited, "capture", asked, amount="50.00", is_final=True)
    act(limited, "refund", asked, amount="20.00")

    with pytest.raises(errors.AmountTooLarge) as refused:
        act(limited, "refund", asked, amount="30.01")
    assert refused.value.detail == "At most 30.00 USD is left."
    act(limited, "refund", asked)
    with pytest.raises(errors.InvalidState):
        act(limited, "refund", asked)
    assert money(asked) == [100, 50, 50, 0, 50]


def test_nothing_is_refunded_of_nothing(limited, asked):
    declined = spend(limited, "5000.00").body["id"]

    for transaction_id in (asked, declined):
        with pytest.raises(errors.InvalidState):
            act(limited, "refund", transaction_id)


def test_an_increment_sets_more_aside(limited, asked):
    body = act(limited, "increment", asked, amount="50.00").body

    assert (body["status"], body["reserved_amount"]) == ("authorized", "150.00")
    assert (body["amount"], money(asked)) == ("100.00", [150, 0, 0, 0, 0])
    assert budget() == (150_00, 0, 0, 1)
    act(limited, "void", asked)
    assert (money(asked), set_aside_minor()) == ([150, 0, 150, 0, 0], 0)


@pytest.mark.parametrize(
    ("amount", "codes"),
    [
        ("900.01", ["amount_above_maximum", "daily_budget_exceeded"]),
        ("400.01", ["amount_requires_approval"]),
    ],
)
def test_an_increment_is_judged_by_its_total(limited, asked, amount, codes):
    with pytest.raises(errors.IncrementRefused) as refused:
        act(limited, "increment", asked, amount=amount)

    assert [reason["code"] for reason in refused.value.reasons] == codes
    assert money(asked) == [100, 0, 0, 0, 0]
    assert budget() == (100_00, 0, 0, 1)
    event = AuditEvent.objects.get(action="transaction.increment_refused")
    assert event.details["reasons"] == codes


def test_an_increment_counts_what_was_captured_and_what_others_hold(
    limited, asked, give_policy
):
    give_policy(limited, daily_budget="200.00", requires_approval_above=None)
    act(limited, "capture", asked, amount="60.00")
    spend(limited, "70.00")

    with pytest.raises(errors.IncrementRefused) as refused:
        act(limited, "increment", asked, amount="30.01")
    assert [r["code"] for r in refused.value.reasons] == ["daily_budget_exceeded"]
    act(limited, "increment", asked, amount="30.00")

    assert money(asked) == [130, 60, 0, 0, 0]
    assert budget() == (140_00, 60_00, 0, 2)


@pytest.fixture
def careful(agent, give_policy):
    """An agent that may spend 100.00 at a time by itself, at any merchant."""
    terms = {"allowed_merchants": None, "requires_approval_above": "100.00"}
    return give_policy(agent, **terms)


def test_an_increment_is_not_held_against_its_own_request(careful):
    asked = spend(careful, "80.00").body["id"]

    for amount in ("0.50", "0.50", "19.00"):
        act(careful, "increment", asked, amount=amount)

    assert money(asked) == [100, 0, 0, 0, 0]
    counted = AgentActivity.objects.get()
    assert counted.allowed_count == 1
    assert counted.allowed_sum_minor == 100_00
    assert counted.allowed_sum_of_squares == 100_00**2
    assert sum(counted.just_below_by_minute) == 100_00
    # Another that passes the approval limit together with it is still held.
    [reason] = spend(careful, "80.00", merchant="Rail").body["reasons"]
    assert reason["code"] == "approval_limit_split"


def test_an_increment_is_held_against_other_requests(careful):
    spend(careful, "80.00", merchant="Rail")
    asked = spend(careful, "40.00", merchant="Rail").body["id"]

    with pytest.raises(errors.IncrementRefused) as refused:
        act(careful, "increment", asked, amount="40.50")

    codes = [reason["code"] for reason in refused.value.reasons]
    assert codes == ["near_duplicate", "approval_limit_split"]
    act(careful, "increment", asked, amount="39.00")


def test_j4_a_sum_is_not_split_by_increments(careful):
    """Each asks for less than is watched, and is raised to just below the limit."""
    ids = [
        spend(careful, f"7{n}.00", merchant=f"{name} Inc.").body["id"]
        for n, name in enumerate(("Rail", "Air", "Sea"))
    ]
    act(careful, "increment", ids[0], amount="25.00")

    for each in ids[1:]:
        with pytest.raises(errors.IncrementRefused) as refused:
            act(careful, "increment", each, amount="25.00")
        codes = [reason["code"] for reason in refused.value.reasons]
        assert codes == ["approval_limit_split"]

    [reason] = spend(careful, "85.00", merchant="Walmart").body["reasons"]
    assert reason["code"] == "approval_limit_split"


def test_an_approved_transaction_is_captured_like_any_other(limited, bob):
    approval = held(limited, "750.00")
    approve(approval, bob)

    assert act(limited, "capture", approval.transaction_id).body["status"] == "captured"
    assert budget() == (0, 750_00, 0, 1)
