from __future__ import annotations

from security.core.changes import change_lines


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
