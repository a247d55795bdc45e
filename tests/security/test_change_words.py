from __future__ import annotations

from security.changes.core.wording import change_lines


def test_changes_are_told_field_by_field():
    changes = {
        "max_transaction_amount": ["1000.00", "5000.00"],
        "daily_budget": ["60.00", None],
        "requires_signature": [True, False],
        "allowed_merchants": {"added": ["Target"], "removed": []},
        "permissions": [[], ["audit.view_auditevent"]],
    }

    assert change_lines(changes) == [
        ("Max transaction amount", "1000.00", "5000.00"),
        ("Daily budget", "60.00", "not set"),
        ("Requires signature", "yes", "no"),
        ("Allowed merchants", "loses none", "gains Target"),
        ("Permissions", "none", "audit.view_auditevent"),
    ]


def test_amounts_are_told_with_their_currency_as_everywhere():
    limit = {
        "period": "day",
        "window": "calendar",
        "per": "merchant",
        "name": "",
        "amount": "1500.00",
        "count": None,
    }
    changes = {
        "max_transaction_amount": ["1000.00", "15000.00"],
        "time_zone": ["UTC", "Europe/Berlin"],
        "max_transactions_per_hour": [None, 1000],
        "blocked_mccs": {"added": ["7995"], "removed": []},
        "limits": {"added": [limit], "removed": []},
        "approval_levels": {"added": ["above 2500.00: 2 by manager"], "removed": []},
    }

    assert change_lines(changes, "USD") == [
        ("Max transaction amount", "1,000.00 USD", "15,000.00 USD"),
        ("Time zone", "UTC", "Europe/Berlin"),
        ("Max transactions per hour", "not set", "1000"),
        ("Blocked mccs", "loses none", "gains 7995"),
        (
            "Limits",
            "loses none",
            "gains period day window calendar per merchant amount 1,500.00 USD",
        ),
        (
            "Approval levels",
            "loses none",
            "gains above 2,500.00 USD: 2 by manager",
        ),
    ]
    assert change_lines({"captured_late": [None, "1234.50 EUR"]}) == [
        ("Captured late", "not set", "1,234.50 EUR")
    ]
