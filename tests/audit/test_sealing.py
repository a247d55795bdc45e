"""The sequencer: a gap-free index and a tree, whatever writers do meanwhile."""

from __future__ import annotations

import threading

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from audit.core.merkle import Frontier, is_consistent, is_included
from audit.errors import LogDamaged
from audit.models import AuditEvent, AuditLeaf, AuditNode
from audit.queries.tree import (
    consistency_proof,
    frontier,
    inclusion_proof,
    index_of,
    root_at,
    tree_size,
)
from audit.services.sealing import LOCK, Sequencer
from tests.audit.logs import (
    hash_of,
    seal,
    sealed_ids,
    transactions_ahead,
    write_event,
    write_events,
    write_many,
)

pytestmark = pytest.mark.usefixtures("committed_db")
LONG_S = 300  # Only ends a test that would hang.


def test_an_empty_log_has_nothing_to_seal():
    assert Sequencer().seal() == 0
    assert tree_size() == 0


def test_every_event_gets_the_next_index_in_the_order_of_time():
    events = write_events(5)

    assert seal() == 5
    leaves = AuditLeaf.objects.all()
    assert [leaf.index for leaf in leaves] == [0, 1, 2, 3, 4]
    assert [leaf.event_id for leaf in leaves] == [event.pk for event in events]
    assert [leaf.occurred_at for leaf in leaves] == [e.occurred_at for e in events]


def test_the_leaf_is_the_hash_of_the_event_as_anybody_reads_it():
    write_events(3)
    seal()

    leaves = AuditLeaf.objects.all()
    assert len(leaves) == 3
    for leaf in leaves:
        assert bytes(leaf.hash) == hash_of(AuditEvent.objects.get(pk=leaf.event_id))


def test_sealing_again_seals_nothing_twice():
    write_events(4)
    sequencer = Sequencer()
    seal(sequencer)
    write_events(3, first=4)

    assert seal(sequencer) == 3
    assert seal(sequencer) == 0
    assert seal() == 0
    assert tree_size() == 7


def test_an_event_that_commits_late_is_sealed_then():
    """Its transaction began before others that are sealed already."""
    sequencer = Sequencer()
    began, sealed = threading.Event(), threading.Event()
    late: list[str] = []

    def write_late() -> None:
        with transaction.atomic():
            late.append(write_event(1).pk)
            began.set()
            sealed.wait(LONG_S)
        connection.close()

    thread = threading.Thread(target=write_late)
    thread.start()
    assert began.wait(LONG_S)
    early = [event.pk for event in write_events(2, first=10)]
    transactions_ahead(50)
    first = seal(sequencer)
    transactions_ahead(50)
    assert seal(sequencer) == 0
    sealed.set()
    thread.join(LONG_S)

    assert first == 2
    assert seal(sequencer) == 1
    assert sealed_ids() == [*early, *late]


@pytest.mark.usefixtures("as_owner")
def test_an_event_of_a_restored_dump_is_sealed_by_the_next_process():
    """It carries the transaction id of another cluster, far ahead of this one's."""
    sequencer = Sequencer()
    seal(sequencer)
    event = write_event()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER refuse_change")
        cursor.execute("UPDATE audit_auditevent SET xact_id = '999999999999'")
        cursor.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER refuse_change")

    assert seal(sequencer) == 0
    assert seal(Sequencer()) == 1
    assert sealed_ids() == [event.pk]


def test_while_another_sequencer_works_one_stands_by():
    write_events(2)
    database = connection.settings_dict
    with psycopg.connect(
        host=database["HOST"], dbname=database["NAME"], user=database["USER"]
    ) as other:
        other.execute("SELECT pg_advisory_lock(hashtext(%s))", [LOCK])

        assert Sequencer().seal() == 0
        assert tree_size() == 0
        # The server would let go a little after the connection has closed.
        other.execute("SELECT pg_advisory_unlock(hashtext(%s))", [LOCK])
    assert seal() == 2


def test_a_sequencer_that_fails_halfway_leaves_nothing(monkeypatch):
    write_events(3)
    sequencer = Sequencer()

    def fail(*args: object) -> None:
        raise DatabaseError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(AuditNode.objects, "bulk_create", fail)
        with pytest.raises(DatabaseError):
            sequencer.seal()

    assert tree_size() == 0
    assert sequencer.settled is None
    assert seal(sequencer) == 3


@pytest.mark.parametrize("sizes", [(1,), (255,), (256,), (257,), (100, 200, 300)])
def test_the_tree_that_is_stored_is_the_tree_of_the_leaves(sizes: tuple[int, ...]):
    sequencer, total = Sequencer(), 0
    for size in sizes:
        write_many(size)
        seal(sequencer)
        total += size
    leaves = [bytes(leaf.hash) for leaf in AuditLeaf.objects.all()]
    expected = Frontier()
    nodes = expected.extend(leaves)

    assert len(leaves) == total
    assert frontier(total) == expected
    assert [
        ((node.level, node.number), bytes(node.hash))
        for node in AuditNode.objects.all()
    ] == [(tuple(node), hashed) for node, hashed in nodes if node.level == 8]


def test_proofs_over_stored_hashes_convince():
    write_many(600)
    seal()
    leaves = [bytes(leaf.hash) for leaf in AuditLeaf.objects.all()]

    for index, size in [(0, 1), (0, 600), (255, 256), (256, 600), (599, 600), (3, 515)]:
        proof = inclusion_proof(index, size)
        assert is_included(leaves[index], index, size, proof, root_at(size))
    for first, second in [(1, 600), (256, 600), (257, 512), (300, 300), (599, 600)]:
        proof = consistency_proof(first, second)
        roots = root_at(first), root_at(second)
        assert is_consistent(first, second, proof, *roots)


def test_the_place_of_an_event_is_known_once_it_is_sealed():
    [event] = write_events(1)

    assert index_of(event.pk) is None
    seal()
    assert index_of(event.pk) == 0


@pytest.mark.usefixtures("as_owner")
def test_a_tree_that_lacks_a_hash_is_not_continued():
    write_events(3)
    seal()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditleaf DISABLE TRIGGER refuse_change")
        cursor.execute("DELETE FROM audit_auditleaf WHERE index = 1")
    write_events(1, first=3)

    with pytest.raises(LogDamaged):
        Sequencer().seal()
    assert tree_size() == 3
    assert AuditLeaf.objects.count() == 2


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE {table} SET hash = hash",
        "DELETE FROM {table}",
        "TRUNCATE {table}",
    ],
)
@pytest.mark.parametrize("table", ["audit_auditleaf", "audit_auditnode"])
def test_l1_leaves_and_nodes_are_history(refusal: str, table: str, sql: str):
    write_many(256)
    seal()

    with pytest.raises(DatabaseError, match=refusal), connection.cursor() as cursor:
        cursor.execute(sql.format(table=table))
    assert (AuditLeaf.objects.count(), AuditNode.objects.count()) == (256, 1)
