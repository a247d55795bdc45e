"""Late captures that were reported wrongly, taken back by two people."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from audit.base.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.changes.services import approve_change
from security.errors import ChangeSuperseded, OwnChangeRefused
from tests.spending import everything, spend
from tests.transactions.moving import (
    act,
    budget,
    ledger,
    money,
    reverse_late,
    take_late,
)
from transactions import errors
from transactions.budgets.models import Budget, LedgerEntry, Reservation
from transactions.money.models import LateCapture, LateCaptureReversal
from transactions.money.queries import money_faults
from transactions.money.services.late_captures import (
    report_late_capture,
    reverse_late_capture,
)
from transactions.spending.models import Transaction


def report(transaction_id, amount, person, reference):
    return report_late_capture(
        transaction_id, amount=amount, reference=reference, acting=person
    )


def test_j17_a_wrong_report_is_reversed_by_a_counter_entry(taken, bob, frank):
    late = LateCapture.objects.get()
    change = reverse_late_capture(
        taken, reference="a", reason="Another shop's.", acting=bob
    )
    assert budget() == (0, 0, 60_00, 0)
    assert change.changes == {
        "captured_late": ["60.00 USD", None],
        "reason": [None, "Another shop's."],
    }

    approve_change(change.pk, acting=frank)

    assert budget() == (0, 0, 0, 0)
    assert ledger() == {}
    kinds = LedgerEntry.objects.values_list("kind", flat=True)
    assert list(kinds) == ["reserve", "release", "late_capture", "reversal"]
    reversal = LateCaptureReversal.objects.get()
    assert (reversal.late_capture, reversal.requested_by) == (late, bob)
    event = AuditEvent.objects.get(action="transaction.late_capture_reversed")
    assert event.actor_id == frank.pk
    assert event.details == {
        "amount": "60.00",
        "currency": "USD",
        "reference": "a",
        "reason": "Another shop's.",
        "change_request": change.pk,
        "mode": "live",
    }
    assert list(money_faults()) == []


def test_j17_what_a_reversal_frees_can_be_spent_again(limited, asked, bob, frank):
    act(limited, "void", asked)
    take_late(asked, "1000.00", people=(bob, frank))
    assert spend(limited, "1.00").body["outcome"] == "deny"

    reverse_late(asked, people=(bob, frank))

    assert spend(limited, "20.00").body["outcome"] == "allow"


def test_j17_reversing_twice_is_reversing_once(taken, bob, frank):
    reverse_late(taken, "a", people=(bob, frank))
    before = everything()

    seen = reverse_late_capture(taken, reference="a", reason="Wrong.", acting=frank)

    assert isinstance(seen, Transaction)
    assert everything() == before


def test_j17_a_reversed_reference_is_not_used_again(taken, bob, frank):
    reverse_late(taken, "a", people=(bob, frank))
    before = everything()

    with pytest.raises(errors.ReportChanged) as refused:
        report(taken, "60.00", bob, "a")

    assert refused.value.pointer == "/reference"
    assert everything() == before
    assert isinstance(report(taken, "60.00", bob, "a-again"), Transaction)


def test_j17_nobody_reverses_alone_nor_what_is_unknown(taken, bob, carol, eve):
    change = reverse_late_capture(taken, reference="a", reason="Wrong.", acting=bob)
    before = everything()

    with pytest.raises(OwnChangeRefused):
        approve_change(change.pk, acting=bob)
    for person, reference, error in (
        (bob, "b", errors.InvalidRequest),
        (carol, "a", NotPermitted),
        (eve, "a", NotFound),
    ):
        with pytest.raises(error):
            reverse_late_capture(
                taken, reference=reference, reason="Wrong.", acting=person
            )

    assert everything() == before


def test_j17_what_was_refunded_is_not_taken_back_again(limited, taken, bob, frank):
    change = reverse_late_capture(taken, reference="a", reason="Wrong.", acting=bob)
    act(limited, "refund", taken, amount="0.01")

    with pytest.raises(errors.InvalidState):
        reverse_late_capture(taken, reference="a", reason="Wrong.", acting=frank)
    with pytest.raises(ChangeSuperseded):
        approve_change(change.pk, acting=frank)

    assert money(taken) == [100, 0, 100, 60, Decimal("0.01")]
    assert ledger()["captured"] == 59_99


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (
            lambda: Reservation.objects.update(reversed_minor=0),
            "transactions_reservation refuses UPDATE: its rows are history",
        ),
        (
            lambda: Reservation.objects.update(refunded_minor=1),
            "refunds_within_captures",
        ),
        (lambda: Budget.objects.update(late_above_minor=1), "budget_not_negative"),
    ],
)
def test_l1_the_database_holds_what_was_reversed_too(
    taken, bob, frank, change, refusal
):
    reverse_late(taken, "a", people=(bob, frank))
    before = everything()

    with pytest.raises(DatabaseError, match=refusal), transaction.atomic():
        change()

    assert everything() == before


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE transactions_latecapturereversal SET reason = 'Other.'",
        "DELETE FROM transactions_latecapturereversal",
        "TRUNCATE transactions_latecapturereversal",
    ],
)
def test_l1_a_reversal_is_history(refusal, taken, bob, frank, sql):
    reverse_late(taken, "a", people=(bob, frank))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    before = everything()

    with (
        pytest.raises(DatabaseError, match=refusal),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)

    assert everything() == before


def test_c15_one_person_alone_reports_and_reverses_and_the_log_says_so(
    taken, bob, settings
):
    settings.FOUR_EYES = False

    assert isinstance(report(taken, "40.01", bob, "b"), Transaction)
    assert budget() == (0, 0, 100_01, 0)
    reverse_late_capture(taken, reference="b", reason="Wrong.", acting=bob)

    assert budget() == (0, 0, 60_00, 0)
    for action in ("captured_late", "late_capture_reversed"):
        event = AuditEvent.objects.filter(action=f"transaction.{action}").latest("id")
        assert event.details["four_eyes"] == "off"
    assert list(money_faults()) == []
