"""The log is history: for the role that serves by right, for the owner by trigger."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audit.models import AuditEvent
from tests.audit.logs import write_event


def save_again(event: AuditEvent) -> None:
    event.action = "user.signed_in"
    event.save(update_fields=["action"])


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


THIS_MONTH = f"audit_auditevent_{timezone.now():%Y_%m}"


@pytest.mark.parametrize(
    "change",
    [
        save_again,
        lambda event: event.delete(),
        lambda event: AuditEvent.objects.filter(pk=event.pk).update(action="x"),
        lambda event: AuditEvent.objects.filter(pk=event.pk).delete(),
        lambda event: AuditEvent.objects.bulk_update([event], ["details"]),
        "UPDATE audit_auditevent SET details = '{}'",
        "DELETE FROM audit_auditevent",
        "TRUNCATE audit_auditevent",
        "TRUNCATE audit_auditevent_default",
        f"TRUNCATE {THIS_MONTH}",
        f"DELETE FROM {THIS_MONTH}",  # noqa: S608 - a table's name.
        "INSERT INTO audit_auditevent SELECT * FROM audit_auditevent"
        " ON CONFLICT (id, occurred_at) DO UPDATE SET action = 'x'",
    ],
)
def test_l1_no_way_changes_or_removes_an_event(refusal: str, change):
    event = write_event()
    stored = AuditEvent.objects.get(pk=event.pk)
    before = AuditEvent.objects.filter(pk=event.pk).values().get()

    with pytest.raises(DatabaseError, match=refusal), transaction.atomic():
        execute(change) if isinstance(change, str) else change(stored)

    assert AuditEvent.objects.filter(pk=event.pk).values().get() == before
