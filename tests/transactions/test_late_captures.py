"""What the payment rail takes after the money was given back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.models import Alert
from tests.spending import deny, everything, held, spend
from tests.transactions.moving import act, budget, ledger, money, status
from transactions import errors, services
from transactions.queries import dashboard_for


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


def test_the_dashboard_counts_what_is_set_aside_or_taken(limited, asked, bob, carol):
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
    services.report_late_capture(asked, amount="5.00", reference="r", acting=bob)
    assert spent() == {"USD": 35_00}

    other = spend(limited, "400.00").body["id"]
    act(limited, "capture", other, amount="10.00", is_final=True)
    assert spent() == {"USD": 45_00}
