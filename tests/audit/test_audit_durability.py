"""Events and their transactions, with real commits."""

from __future__ import annotations

import pytest
from django.db import transaction

from audit.base.context import System
from audit.models import AuditEvent
from audit.services.recording import record, record_viewed

ACTOR = System("tests")


def test_an_event_outside_of_a_transaction_is_a_programmers_error(committed_db):
    with pytest.raises(AssertionError, match="transaction of the change"):
        record("alert.acknowledged", details={"note": ""}, actor=ACTOR)

    assert AuditEvent.objects.count() == 0


def test_l8_what_cannot_be_written_down_does_not_happen(committed_db):
    too_long = "x" * 65

    with pytest.raises(Exception, match="too long"), transaction.atomic():
        record(
            "alert.acknowledged",
            target=("alert", too_long, ""),
            details={"note": ""},
            actor=ACTOR,
        )

    assert AuditEvent.objects.count() == 0


def test_a_read_is_on_the_record_at_once(committed_db):
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        record_viewed(filters={})
    assert AuditEvent.objects.count() == 0

    record_viewed(filters={"action": "user.signed_in"})

    assert AuditEvent.objects.get().details == {"filters": {"action": "user.signed_in"}}
