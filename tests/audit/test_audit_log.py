"""The log takes facts in and gives none of them back changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from audit import tasks
from audit.base.context import System, acting_as
from audit.base.errors import SensitiveDataRefused
from audit.core.actions import ACTIONS
from audit.models import AuditEvent
from audit.queries.reading import events_about, events_visible_to, stream, timeline
from audit.services.recording import build_event, record

pytestmark = pytest.mark.django_db

ACTOR = System("tests")


def write(action: str = "alert.acknowledged", **more: Any) -> AuditEvent:
    details = dict.fromkeys(ACTIONS[action].keys, "x") | {"note": "n"}
    with transaction.atomic():
        return record(action, details=details, actor=ACTOR, **more)


def test_l7_an_event_dies_with_its_transaction():
    def change_that_fails() -> None:
        with transaction.atomic():
            record("alert.acknowledged", details={"note": ""}, actor=ACTOR)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change_that_fails()

    assert AuditEvent.objects.count() == 0


def test_an_action_outside_of_the_catalogue_cannot_be_recorded():
    with pytest.raises(AssertionError), transaction.atomic():
        record("alert.invented", actor=ACTOR)
    with pytest.raises(AssertionError, match="must tell note"), transaction.atomic():
        record("alert.acknowledged", actor=ACTOR)

    assert AuditEvent.objects.count() == 0


def test_g2_nothing_raw_enters():
    with acting_as(ACTOR, user_agent="curl 4111 1111 1111 1111"), transaction.atomic():
        record(
            "alert.acknowledged",
            target=("alert", "alr_1", "card 4111111111111111"),
            details={"note": "ssn 123-45-6789", "password": "hunter2"},
        )

    event = AuditEvent.objects.get()
    assert event.user_agent == "curl ****1111"
    assert event.target_label == "card ****1111"
    assert event.details == {"note": "ssn ****6789", "password": "****"}


def test_g3_a_security_code_stops_the_change_it_came_with():
    with pytest.raises(SensitiveDataRefused), transaction.atomic():
        record("alert.acknowledged", details={"note": "", "cvv": "123"}, actor=ACTOR)

    assert AuditEvent.objects.count() == 0


def test_l11_no_foreign_key_leads_out_of_the_log():
    assert [f.name for f in AuditEvent._meta.get_fields() if f.is_relation] == []


def test_what_a_person_may_read(alice, bob, carol):
    own = write(target=("user", carol.pk, "carol"), owner_id=carol.pk)
    other = write(target=("user", bob.pk, "bob"), owner_id=bob.pk)

    assert set(events_visible_to(alice)) == set(AuditEvent.objects.all())
    assert own in events_visible_to(carol)
    assert set(events_visible_to(carol)) == set(
        AuditEvent.objects.filter(owner_id=carol.pk)
    )
    assert other in events_about([bob.pk])
    assert events_about([bob.pk]).filter(owner_id=carol.pk).count() == 0
    assert events_about([""]).count() == 0


def test_a_timeline_is_told_in_order():
    first = write(target=("alert", "alr_1", ""))
    write(target=("alert", "alr_2", ""))
    second = write(target=("alert", "alr_1", ""))

    assert [event.pk for event in timeline(["alr_1"])] == [first.pk, second.pk]


def test_the_stream_counts_a_half_open_window():
    event = write()
    start, tick = event.occurred_at, timedelta(microseconds=1)

    def count(since, until):
        return stream(["alert.acknowledged"], since=since, until=until).count()

    assert count(start, start + tick) == 1
    assert count(start - tick, start) == 0
    assert count(start + tick, start + 2 * tick) == 0


def test_partitions_are_made_ahead_and_only_once():
    def names() -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT inhrelid::regclass::text FROM pg_inherits"
                " WHERE inhparent = 'audit_auditevent'::regclass ORDER BY 1"
            )
            return [name for (name,) in cursor.fetchall()]

    before = names()
    tasks.make_partitions()
    tasks.make_partitions()

    assert names() == before
    assert len(before) == 5
    event = write()
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM audit_auditevent")
        assert cursor.fetchall() == [(f"audit_auditevent_{event.occurred_at:%Y_%m}",)]


def test_a_month_that_has_rows_already_holds_up_no_later_one():
    this_month = timezone.now().replace(day=1)
    far = this_month + timedelta(days=31 * 4 + 3)
    build_event("alert.acknowledged", details={"note": ""}, occurred_at=far).save(
        force_insert=True
    )

    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_make_partitions(6)")
        assert cursor.fetchone() == (2,)
        cursor.execute("SELECT audit_make_partitions(6)")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT tableoid::regclass::text FROM audit_auditevent")
        assert cursor.fetchall() == [("audit_auditevent_default",)]
