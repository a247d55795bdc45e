"""What was noticed stays in the log, whatever becomes of the transaction around."""

from __future__ import annotations

import time

import pytest
from django.db import connection, transaction

from audit import apart
from audit.apart import record_in_new_transaction
from audit.base.context import acting_as
from audit.models import AuditEvent
from security.errors import DecryptionFailed
from security.notifications.models import SecurityContact
from security.notifications.services.contacts import set_contact
from tests.people import SETUP


def notice(target_id: str = "sct_1") -> None:
    record_in_new_transaction(
        "decryption.failed",
        target=("securitycontact", target_id, ""),
        details={"field": "security.securitycontact.phone"},
    )


def noticed() -> list[str]:
    return list(AuditEvent.objects.values_list("target_id", flat=True))


class RolledBackError(Exception):
    """Ends a test's transaction."""


def roll_back_after(work) -> None:
    def work_and_fail() -> None:
        with transaction.atomic(), transaction.atomic():
            work()
            raise RolledBackError

    with pytest.raises(RolledBackError):
        work_and_fail()


def test_an_event_outlives_the_rollback_of_its_caller(committed_db):
    with acting_as(SETUP, address="198.51.100.7"):
        roll_back_after(notice)

    event = AuditEvent.objects.get()
    assert (event.target_id, event.outcome) == ("sct_1", "failure")
    assert (event.actor_label, event.address) == ("tests", "198.51.100.7")


def test_an_event_is_written_once_when_the_caller_commits(committed_db):
    with transaction.atomic():
        notice()

    assert noticed() == ["sct_1"]


def test_without_a_transaction_no_second_connection_is_taken(committed_db, monkeypatch):
    monkeypatch.setattr(apart, "_is_saved_apart", lambda _: pytest.fail("taken"))

    notice()

    assert noticed() == ["sct_1"]


def test_an_event_is_written_in_a_transaction_that_is_broken_already(committed_db):
    def break_and_notice() -> None:
        transaction.set_rollback(True)
        notice()

    roll_back_after(break_and_notice)

    assert noticed() == ["sct_1"]


@pytest.mark.usefixtures("as_owner")
def test_a_caller_that_holds_the_log_itself_waits_a_second_and_keeps_the_event(
    committed_db,
):
    began = time.monotonic()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE audit_auditevent IN ACCESS EXCLUSIVE MODE")
        notice()

    # Without a limit of its own it would wait for good.
    assert 1 <= time.monotonic() - began < 60
    assert noticed() == ["sct_1"]


def test_g4_a_tampered_value_is_told_although_the_change_around_it_is_undone(
    committed_db,
):
    contact = set_contact(
        "primary", acting=SETUP, name="Ada", email="ada@example.com", phone="+1"
    )
    with connection.cursor() as cursor:
        cursor.execute("UPDATE security_securitycontact SET phone = 'tampered'")

    with pytest.raises(DecryptionFailed):
        set_contact(
            "primary", acting=SETUP, name="Eva", email="eva@example.com", phone="+2"
        )

    event = AuditEvent.objects.get(action="decryption.failed")
    assert event.target_id == contact.pk
    assert SecurityContact.objects.get().name == "Ada"
