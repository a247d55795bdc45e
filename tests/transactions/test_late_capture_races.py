"""Late captures and reversals at once: real threads, real commits."""

from __future__ import annotations

from functools import partial

import pytest

from security.changes.models import ChangeRequest
from security.changes.services import approve_change
from security.errors import ChangeResolved
from tests.people import make_person
from tests.transactions.moving import act, budget, ledger, money
from tests.transactions.test_races import at_once
from transactions.money.models import LateCaptureReversal
from transactions.money.queries import money_faults
from transactions.money.services.late_captures import (
    report_late_capture,
    reverse_late_capture,
)
from transactions.spending.models import Transaction

pytestmark = pytest.mark.usefixtures("committed_db")


def test_j17_of_two_at_once_that_do_not_fit_together_one_passes(
    limited, asked, people, frank
):
    act(limited, "void", asked)

    outcomes = at_once(
        *(
            partial(
                report_late_capture,
                asked,
                amount="60.00",
                reference=reference,
                acting=person,
            )
            for reference, person in (("a", people.bob), ("b", frank))
        )
    )

    assert {type(one) for one in outcomes} == {Transaction, ChangeRequest}, outcomes
    assert money(asked) == [100, 0, 100, 60, 0]
    assert budget() == (0, 0, 60_00, 0)
    assert ledger() == {"available": -60_00, "captured": 60_00}
    assert list(money_faults()) == []


def test_j17_of_many_at_once_no_more_passes_than_was_authorized(limited, asked, people):
    act(limited, "void", asked)

    outcomes = at_once(
        *(
            partial(
                report_late_capture,
                asked,
                amount="30.00",
                reference=f"rail-{n}",
                acting=people.bob,
            )
            for n in range(8)
        )
    )

    assert [type(one) for one in outcomes].count(Transaction) == 3, outcomes
    assert ChangeRequest.objects.filter(status="waiting").count() == 5
    assert money(asked) == [100, 0, 100, 90, 0]
    assert list(money_faults()) == []


def test_j17_a_reversal_that_two_agree_to_at_once_is_one(limited, asked, people, frank):
    others = [frank, make_person("grace", "manager", team=people.north)]
    act(limited, "void", asked)
    late = {"reference": "a", "acting": people.bob}
    report_late_capture(asked, amount="60.00", **late)
    change = reverse_late_capture(asked, reason="Wrong.", **late)

    outcomes = at_once(
        *(partial(approve_change, change.pk, acting=person) for person in others)
    )

    assert {type(one) for one in outcomes} == {ChangeRequest, ChangeResolved}, outcomes
    assert LateCaptureReversal.objects.count() == 1
    assert budget() == (0, 0, 0, 0)
    assert ledger() == {}
    assert list(money_faults()) == []
