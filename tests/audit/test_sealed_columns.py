"""Every stored column of an event is sealed, in a log that was upgraded as well."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone
from pytest_django import DjangoDbBlocker
from rest_framework.renderers import JSONRenderer
from rfc8785 import dumps

from audit.api.events import AuditEventOutput
from audit.core.merkle import Frontier, is_included, leaf_hash
from audit.keys import open_checkpoint, signing_key
from audit.models import AuditEvent, AuditLeaf, Checkpoint
from audit.queries.tree import inclusion_proof
from audit.services.exports import export_proof
from audit.services.sealing import make_checkpoint_if_due
from audit.services.verification import verify_log
from audit.verifier import verify_export
from tests.audit import tampering
from tests.audit.logs import seal, write_event, write_events
from tests.databases import OWNER, RUNTIME, connect_as, copied, working_in
from tests.rollback import rolled_back

BEFORE = "0005_saved_filters"
COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = 'audit_auditevent'::regclass AND attnum > 0 AND NOT attisdropped
"""


@pytest.fixture(scope="module")
def template(
    django_db_setup: None,
    administration: psycopg.Connection[Any],
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[str]:
    """A log of three events and a checkpoint, upgraded, and three events more."""
    with copied("template1", administration) as name:
        connect_as(OWNER)
        with django_db_blocker.unblock(), working_in(name):
            call_command("migrate", "audit", BEFORE, verbosity=0)
            seal_as_before(write_events(3))
            assert make_checkpoint_if_due()
            write_event(3)
            call_command("migrate", "audit", verbosity=0)
            write_events(2, first=4)
            assert seal() == 3
            with time_machine.travel(timezone.now() + timedelta(hours=1)):
                assert make_checkpoint_if_due()
        connect_as(RUNTIME)
        yield name


@pytest.fixture(autouse=True)
def log(as_owner: None, outside: Any) -> None:
    """The log, as its owner, without copies outside."""


def seal_as_before(events: list[AuditEvent]) -> None:
    AuditLeaf.objects.bulk_create(
        AuditLeaf(
            index=index,
            event_id=event.pk,
            occurred_at=event.occurred_at,
            hash=leaf_hash(dumps(object_before(event))),
        )
        for index, event in enumerate(events)
    )


def object_before(event: AuditEvent) -> dict[str, Any]:
    """What was sealed of an event before the upgrade."""
    return {
        "id": event.pk,
        "object": "audit_event",
        "occurred_at": event.occurred_at.isoformat().replace("+00:00", "Z"),
        "action": event.action,
        "outcome": event.outcome,
        "actor": {
            "kind": event.actor_kind,
            "id": event.actor_id,
            "label": event.actor_label,
        },
        "target": {
            "kind": event.target_kind,
            "id": event.target_id,
            "label": event.target_label,
        },
        "owner": event.owner_id,
        "address": event.address,
        "user_agent": event.user_agent,
        "request_id": event.request_id,
        "details": event.details,
    }


def event_at(index: int) -> AuditEvent:
    return AuditEvent.objects.get(pk=AuditLeaf.objects.get(index=index).event_id)


def findings() -> list[str]:
    return [str(each) for each in verify_log(grace_s=0).findings]


def values_for(column: str, event: AuditEvent) -> list[Any]:
    """Return other values of a column: random ones, another event's, and none."""
    old, rng = getattr(event, column), random.Random(column)
    values = [tampering.changed(rng, column, old) for _ in range(2)]
    values += [getattr(event_at(index), column) for index in (0, 4)]
    # Even an owner cannot leave out the key.
    values += [] if column in {"id", "occurred_at"} else [None]
    return [value for value in values if value != old]


@pytest.mark.parametrize("index", [1, 5], ids=["before", "after"])
def test_l13_each_column_that_the_owner_changes_is_found_and_the_event_named(index):
    columns = [field.attname for field in AuditEvent._meta.concrete_fields]
    assert sorted(columns) == sorted(name for [name] in tampering.sql(COLUMNS))
    event = event_at(index)
    place = f"index {index}: Event {event.pk} is "

    missed = []
    for column in columns:
        values = values_for(column, event)
        assert values, column
        for value in values:
            with rolled_back():
                tampering.remove_guards()
                if value is None:
                    tampering.sql(
                        "ALTER TABLE audit_auditevent"
                        f" ALTER COLUMN {column} DROP NOT NULL"
                    )
                tampering.set_column(event, column, value)
                found = findings()
            if not any(each.startswith(place) for each in found):
                missed.append((column, value, found))

    assert missed == []
    assert findings() == []


def test_l13_each_column_of_its_leaf_is_found_as_well():
    leaf, rng = AuditLeaf.objects.get(index=1), random.Random(0)

    noticed = []
    for field in AuditLeaf._meta.concrete_fields:
        value = tampering.changed(rng, field.attname, getattr(leaf, field.attname))
        with rolled_back():
            tampering.remove_guards()
            tampering.set_column(leaf, field.attname, value)
            if any(each.startswith("index 1: ") for each in findings()):
                noticed.append(field.attname)

    assert noticed == ["index", "event_id", "occurred_at", "hash"]


@pytest.mark.parametrize("value", ["infinity", "0044-03-15 BC"])
@pytest.mark.parametrize("is_event_as_well", [False, True])
def test_l13_a_time_that_cannot_be_read_is_found(value, is_event_as_well):
    leaf = AuditLeaf.objects.get(index=1)
    tampering.remove_guards()
    tampering.sql("UPDATE audit_auditleaf SET occurred_at = %s WHERE index = 1", value)
    if is_event_as_well:
        tampering.sql(
            "UPDATE audit_auditevent SET occurred_at = %s WHERE id = %s",
            value,
            leaf.event_id,
        )

    [found] = findings()

    assert found.startswith("A value cannot be read: timestamp too ")
    assert found.endswith(" [value_unreadable]")


def test_an_upgrade_leaves_every_leaf_as_it_was():
    events = [event_at(index) for index in range(6)]

    assert findings() == []
    assert [event.xact_id is None for event in events] == [True] * 4 + [False] * 2
    hashes = [bytes(leaf.hash) for leaf in AuditLeaf.objects.all()]
    assert hashes[:4] == [leaf_hash(dumps(object_before(e))) for e in events[:4]]
    tree = Frontier()
    tree.extend(hashes[:3])
    assert open_checkpoint(Checkpoint.objects.get(number=1).note).root == tree.root()


@pytest.mark.parametrize("number", [1, 2])
def test_what_the_api_shows_of_an_event_from_before_is_proved_by_either_checkpoint(
    number: int,
):
    note = open_checkpoint(Checkpoint.objects.get(number=number).note)
    shown = json.loads(JSONRenderer().render(AuditEventOutput(event_at(1)).data))

    leaf = leaf_hash(dumps(shown))

    assert "xact_id" not in shown
    assert note.size == (3 if number == 1 else 6)
    assert is_included(leaf, 1, note.size, inclusion_proof(1, note.size), note.root)


def test_what_the_api_shows_of_a_newer_event_has_the_transaction_that_wrote_it():
    one, other = event_at(4), event_at(5)
    shown = json.loads(JSONRenderer().render(AuditEventOutput(one).data))

    assert shown == object_before(one) | {"xact_id": one.xact_id}
    assert leaf_hash(dumps(shown)) == bytes(AuditLeaf.objects.get(index=4).hash)
    assert 0 < int(one.xact_id) < int(other.xact_id)


def test_an_outsider_verifies_the_upgraded_log():
    outcome = verify_export(
        export_proof(), origin="local/audit", keys=[signing_key().public]
    )

    assert (outcome.size, outcome.covered, outcome.findings) == (6, 6, [])
    lines = [line for line in export_proof() if "xact_id" in line]
    assert len(lines) == 2
