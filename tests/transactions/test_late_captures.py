"""What the payment rail takes after the money was given back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.core.money import MINOR_MAX
from audit.base.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.alerts.models import Alert
from security.changes.models import ChangeRequest
from security.changes.services import approve_change
from security.errors import ChangeSuperseded, OwnChangeRefused
from tests.spending import deny, everything, held, make_due, spend
from tests.transactions.moving import (
    act,
    budget,
    ledger,
    money,
    reverse_late,
    status,
    take_late,
)
from transactions import errors
from transactions.approvals.services.times import expire_due_approvals
from transactions.budgets.models import Budget
from transactions.dashboard.queries import dashboard_for
from transactions.money.models import LateCapture
from transactions.money.queries import money_faults
from transactions.money.services.late_captures import report_late_capture
from transactions.spending.models import Transaction


def report(transaction_id, amount, person, reference="b"):
    return report_late_capture(
        transaction_id, amount=amount, reference=reference, acting=person
    )


def test_money_taken_late_is_noted_counted_and_told(limited, asked, bob):
    act(limited, "void", asked)

    for _ in range(2):
        seen = report_late_capture(
            asked, amount="100.00", reference="rail-7", acting=bob
        )

    assert seen.status == status(asked) == "captured"
    assert money(asked) == [100, 0, 100, 100, 0]
    assert budget() == (0, 0, 100_00, 0)
    assert ledger() == {"available": -100_00, "captured": 100_00}
    assert AuditEvent.objects.filter(action="transaction.captured_late").count() == 1
    assert Alert.objects.get().metric == "late_capture"
    assert spend(limited, "900.01").body["outcome"] == "deny"
    act(limited, "refund", asked)
    assert money(asked) == [100, 0, 100, 100, 100]


def test_money_taken_late_may_pass_a_limit(limited, asked, bob, frank):
    act(limited, "void", asked)
    spend(limited, "450.00")

    take_late(asked, "5000.00", people=(bob, frank))

    assert money(asked) == [100, 0, 100, 5000, 0]
    assert budget() == (450_00, 0, 5000_00, 1)
    body = spend(limited, "0.01").body
    assert [r["code"] for r in body["reasons"]] == ["daily_budget_exceeded"]


def test_one_reference_is_one_amount(limited, asked, bob):
    act(limited, "void", asked)
    report_late_capture(asked, amount="1.00", reference="r", acting=bob)
    before = everything()

    with pytest.raises(errors.ReportChanged):
        report_late_capture(asked, amount="2.00", reference="r", acting=bob)

    assert everything() == before


def test_nothing_is_taken_late_of_money_still_held(limited, asked, bob, carol, eve):
    waiting = held(limited, "750.00")
    deny(waiting, bob)
    before = everything()

    for transaction_id, person, error in (
        (asked, bob, errors.InvalidState),
        (waiting.transaction_id, bob, errors.InvalidState),
        (asked, carol, NotPermitted),
        (asked, eve, NotFound),
    ):
        with pytest.raises(error):
            report_late_capture(
                transaction_id, amount="1.00", reference="r", acting=person
            )

    assert everything() == before


def test_the_dashboard_counts_what_is_set_aside_or_taken(
    limited, asked, bob, carol, frank
):
    def spent():
        since = timezone.now() - timedelta(minutes=5)
        return dashboard_for(carol, since=since).spent_minor

    assert spent() == {"USD": 100_00}
    act(limited, "increment", asked, amount="20.00")
    assert spent() == {"USD": 120_00}
    act(limited, "capture", asked, amount="30.00")
    assert spent() == {"USD": 120_00}
    act(limited, "void", asked)
    assert spent() == {"USD": 30_00}
    report_late_capture(asked, amount="5.00", reference="r", acting=bob)
    assert spent() == {"USD": 35_00}
    reverse_late(asked, people=(bob, frank))
    assert spent() == {"USD": 30_00}

    other = spend(limited, "400.00").body["id"]
    act(limited, "capture", other, amount="10.00", is_final=True)
    assert spent() == {"USD": 40_00}


def test_j17_up_to_the_authorized_amount_one_person_suffices(taken, bob):
    seen = report(taken, "40.00", bob)

    assert isinstance(seen, Transaction)
    assert money(taken) == [100, 0, 100, 100, 0]
    assert not ChangeRequest.objects.exists()


def test_j17_above_it_nothing_changes_until_another_person_agrees(taken, bob, frank):
    before = everything()

    change = report(taken, "40.01", bob)

    after = everything()
    assert [change] == list(ChangeRequest.objects.all())
    assert {name for name in after if after[name] != before[name]} == {
        "ChangeRequest",
        "AuditEvent",
    }
    assert change.changes == {"captured_late": [None, "40.01 USD"]}
    assert change.target_id == f"{taken}/b"
    assert change.target_label == "shopping, 100.00 USD authorized"
    assert report(taken, "40.01", bob).pk == change.pk

    approve_change(change.pk, acting=frank)

    assert LateCapture.objects.get(reference="b").reported_by == bob
    assert budget() == (0, 0, 100_01, 0)
    assert ledger() == {"available": -100_01, "captured": 100_01}
    event = AuditEvent.objects.filter(action="transaction.captured_late").latest("id")
    assert (event.actor_id, event.details["change_request"]) == (frank.pk, change.pk)
    assert list(money_faults()) == []


def test_j17_what_was_captured_in_the_ordinary_way_counts(limited, asked, bob):
    act(limited, "capture", asked, amount="70.00", is_final=True)

    assert isinstance(report(asked, "30.01", bob), ChangeRequest)
    assert isinstance(report(asked, "30.00", bob, "c"), Transaction)


def test_j17_what_was_refunded_makes_no_room(limited, asked, bob):
    act(limited, "capture", asked)
    act(limited, "refund", asked)

    assert isinstance(report(asked, "0.01", bob), ChangeRequest)


def test_j17_what_was_set_aside_more_is_authorized_too(limited, asked, bob):
    act(limited, "increment", asked, amount="20.00")
    act(limited, "void", asked)

    assert isinstance(report(asked, "120.00", bob), Transaction)


def test_j17_a_hold_that_nobody_approved_authorizes_nothing(limited, bob):
    waiting = held(limited, "750.00")
    make_due(waiting)
    expire_due_approvals(now=timezone.now())

    assert status(waiting.transaction_id) == "expired"
    assert isinstance(report(waiting.transaction_id, "0.01", bob), ChangeRequest)


@pytest.mark.parametrize(
    ("who", "error"),
    [
        ("asker", OwnChangeRefused),
        ("owner", OwnChangeRefused),
        ("creator", NotFound),
        ("issuer", NotFound),
        ("same human", NotFound),
    ],
)
def test_j17_whoever_is_involved_does_not_agree(
    people, agent, taken, frank, who, error
):
    """carol owns the agent and alice made it; a credential's issuer is involved."""
    asker = people.bob
    if who == "owner":
        people.carol.role = "manager"
        people.carol.save(update_fields=["role"])
    if who == "issuer":
        agent.credentials.update(created_by=frank)
    if who == "same human":
        frank.same_person_as = people.bob
        frank.save(update_fields=["same_person_as"])
    change = report(taken, "5000.00", asker)
    person = {"asker": asker, "owner": people.carol, "creator": people.alice}
    before = everything()

    with pytest.raises(error):
        approve_change(change.pk, acting=person.get(who, frank))

    assert everything() == before


def test_j17_nor_does_anybody_without_the_right_or_the_scope(people, taken, frank):
    change = report(taken, "5000.00", people.bob)
    before = everything()

    for person in (people.dave, people.eve):
        with pytest.raises(NotFound):
            approve_change(change.pk, acting=person)

    assert everything() == before
    approve_change(change.pk, acting=frank)
    assert money(taken) == [100, 0, 100, 5060, 0]


def test_j17_two_references_wait_side_by_side(taken, bob, frank):
    one, two = report(taken, "500.00", bob), report(taken, "600.00", bob, "c")

    approve_change(one.pk, acting=frank)
    approve_change(two.pk, acting=frank)

    assert money(taken) == [100, 0, 100, 1160, 0]


def test_j17_what_was_reported_meanwhile_is_not_taken_twice(taken, bob, frank):
    change = report(taken, "60.00", bob)
    reverse_late(taken, "a", people=(bob, frank))
    report(taken, "60.00", bob)
    before = ledger()

    with pytest.raises(ChangeSuperseded):
        approve_change(change.pk, acting=frank)

    change.refresh_from_db()
    assert change.status == "superseded"
    assert ledger() == before


def test_j17_k6_what_somebody_asked_for_who_may_no_longer_is_void(taken, bob, frank):
    change = report(taken, "5000.00", bob)
    bob.role = "user"
    bob.save(update_fields=["role"])

    with pytest.raises(ChangeSuperseded):
        approve_change(change.pk, acting=frank)

    assert money(taken) == [100, 0, 100, 60, 0]


def test_j17_all_that_is_taken_stays_within_an_amount(taken, bob, frank):
    most = MINOR_MAX - 60_00
    change = report(taken, f"{most // 100}.{most % 100:02}", bob)
    before = everything()

    with pytest.raises(errors.InvalidRequest) as refused:
        report(taken, f"{most // 100}.{most % 100 + 1:02}", bob, "c")

    assert (refused.value.code, refused.value.pointer) == (
        "amount_too_large",
        "/amount",
    )
    assert everything() == before
    approve_change(change.pk, acting=frank)
    assert money(taken)[3] == MINOR_MAX / 100


def test_j17_a_sum_that_a_budget_cannot_hold_is_refused(taken, bob):
    Budget.objects.update(late_minor=2**63 - 1)
    before = everything()

    with pytest.raises(errors.InvalidRequest) as refused:
        report(taken, "1.00", bob)

    assert refused.value.code == "amount_too_large"
    assert everything() == before
