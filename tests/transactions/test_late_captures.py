"""What the payment rail takes after the money was given back."""

from __future__ import annotations

import pytest

from audit.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.models import Alert
from tests.spending import deny, everything, held, spend
from tests.transactions.moving import act, budget, ledger, money, status
from transactions import errors, services


def test_money_taken_late_is_noted_counted_and_told(limited, asked, bob):
    act(limited, "void", asked)

    for _ in range(2):
        seen = services.report_late_capture(
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


def test_money_taken_late_may_pass_a_limit(limited, asked, bob):
    act(limited, "void", asked)
    spend(limited, "450.00")

    services.report_late_capture(asked, amount="5000.00", reference="r", acting=bob)

    assert money(asked) == [100, 0, 100, 5000, 0]
    assert budget() == (450_00, 0, 5000_00, 1)
    body = spend(limited, "0.01").body
    assert [r["code"] for r in body["reasons"]] == ["daily_budget_exceeded"]


def test_one_reference_is_one_amount(limited, asked, bob):
    act(limited, "void", asked)
    services.report_late_capture(asked, amount="1.00", reference="r", acting=bob)
    before = everything()

    with pytest.raises(errors.ReportChanged):
        services.report_late_capture(asked, amount="2.00", reference="r", acting=bob)

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
            services.report_late_capture(
                transaction_id, amount="1.00", reference="r", acting=person
            )

    assert everything() == before
