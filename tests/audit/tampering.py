"""What the database's owner could do to the log, one thing at a time.

Each function changes something and returns what it did, in words for a failure. All of
them run past the triggers, as only the owner can.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection

from audit.core.checkpoint import NoteKey, TreeHead
from audit.core.merkle import Frontier
from audit.keys import open_checkpoint
from audit.models import AuditEvent, AuditLeaf, AuditNode, Checkpoint
from audit.queries.sealed import SELECTED, hash_of_row

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
TABLES = (AuditEvent, AuditLeaf, AuditNode, Checkpoint)


def sql(statement: str, *parameters: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def remove_guards() -> None:
    """Drop what refuses changes; for the transaction that is rolled back after."""
    for model in TABLES:
        sql(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER refuse_change")


def set_column(row: AuditEvent | AuditLeaf, column: str, new: Any) -> None:
    """Change one column; the ORM would leave out those that it never writes."""
    meta = row._meta
    field = meta.get_field(column)
    sql(
        f"UPDATE {meta.db_table} SET {column} = %s WHERE {meta.pk.column} = %s",
        field.get_db_prep_save(new, connection),
        row.pk,
    )


def edit_an_event(rng: random.Random) -> str:
    event = any_of(rng, AuditEvent)
    column = rng.choice(AuditEvent._meta.concrete_fields).name
    old = getattr(event, column)
    new = changed(rng, column, old)
    set_column(event, column, new)
    return f"{column} of {event.pk}: {old!r} -> {new!r}"


def edit_a_leaf(rng: random.Random) -> str:
    leaf = any_of(rng, AuditLeaf)
    column = rng.choice(["event_id", "occurred_at", "hash"])
    new = changed(rng, column, getattr(leaf, column))
    AuditLeaf.objects.filter(pk=leaf.pk).update(**{column: new})
    return f"{column} of leaf {leaf.index}"


def edit_a_node(rng: random.Random) -> str:
    node = any_of(rng, AuditNode)
    column = rng.choice(["level", "number", "hash"])
    new = changed(rng, column, getattr(node, column))
    sql(
        f"UPDATE audit_auditnode SET {column} = %s WHERE level = %s AND number = %s",
        new,
        node.level,
        node.number,
    )
    return f"{column} of node {node}"


def edit_a_checkpoint(rng: random.Random) -> str:
    checkpoint = any_of(rng, Checkpoint)
    column = rng.choice(["number", "size", "root", "time", "note"])
    new = changed(rng, column, getattr(checkpoint, column))
    sql(
        f"UPDATE audit_checkpoint SET {column} = %s WHERE number = %s",
        new,
        checkpoint.number,
    )
    return f"{column} of checkpoint {checkpoint.number}"


def delete_a_row(rng: random.Random) -> str:
    row = any_of(rng, rng.choice(TABLES))
    type(row)._default_manager.filter(pk=row.pk).delete()
    return f"deleted {type(row).__name__} {row.pk}"


def insert_an_event(rng: random.Random) -> str:
    event = any_of(rng, AuditEvent)
    event.pk = f"{event.pk[:-6]}{rng.randrange(32**3):06d}"
    event.save(force_insert=True)
    return f"inserted {event.pk}"


def insert_a_leaf(rng: random.Random) -> str:
    leaf = any_of(rng, AuditLeaf)
    leaf.index = AuditLeaf.objects.count() + rng.choice([0, 0, 1, 10**12])
    leaf.event_id = leaf.event_id[:-1] + "_"
    leaf.save(force_insert=True)
    return f"inserted leaf {leaf.index}"


def insert_a_node(rng: random.Random) -> str:
    node = any_of(rng, AuditNode)
    sql(
        "INSERT INTO audit_auditnode VALUES (%s, %s, %s)",
        node.level + 8 * rng.randrange(2),
        node.number + rng.choice([7, 1000]),
        bytes(node.hash),
    )
    return "inserted a node"


def insert_a_checkpoint(rng: random.Random) -> str:
    checkpoint = any_of(rng, Checkpoint)
    checkpoint.number = Checkpoint.objects.count() + rng.choice([1, 2])
    checkpoint.save(force_insert=True)
    return f"inserted checkpoint {checkpoint.number}"


def swap_two_leaves(rng: random.Random) -> str:
    one, other = rng.sample(list(AuditLeaf.objects.all()), 2)
    AuditLeaf.objects.filter(index__in=[one.index, other.index]).delete()
    one.index, other.index = other.index, one.index
    for leaf in (one, other):
        leaf.save(force_insert=True)
    return f"swapped leaves {one.index} and {other.index}"


def swap_two_events(rng: random.Random) -> str:
    """What one says under the id and time of the other."""
    one, other = rng.sample(list(AuditEvent.objects.all()), 2)
    for target, source in ((one, other), (other, one)):
        AuditEvent.objects.filter(pk=target.pk).update(
            details=source.details, target_label=source.target_label
        )
    return f"swapped {one.pk} and {other.pk}"


def duplicate_an_event(rng: random.Random) -> str:
    """The same id at another time: the key is both."""
    event = any_of(rng, AuditEvent)
    event.occurred_at = changed(rng, "occurred_at", event.occurred_at)
    event.save(force_insert=True)
    return f"duplicated {event.pk}"


def renumber(rng: random.Random) -> str:
    first, step = rng.randrange(AuditLeaf.objects.count()), rng.choice([1, 5, 10**9])
    sql("ALTER TABLE audit_auditleaf DROP CONSTRAINT audit_auditleaf_pkey")
    sql("UPDATE audit_auditleaf SET index = index + %s WHERE index >= %s", step, first)
    return f"renumbered from {first} by {step}"


def cut_the_tail(rng: random.Random) -> str:
    size = rng.randrange(AuditLeaf.objects.count())
    cut(size)
    return f"cut to {size}"


def roll_back(rng: random.Random) -> str:
    """Everything as it was when an older checkpoint was made, without a trace."""
    older = rng.choice(list(Checkpoint.objects.order_by("number"))[:-1])
    cut(older.size)
    Checkpoint.objects.filter(number__gt=older.number).delete()
    return f"rolled back to checkpoint {older.number}"


def wipe(rng: random.Random) -> str:
    chosen = rng.sample(TABLES, rng.randint(1, len(TABLES)))
    for model in chosen:
        model._default_manager.all().delete()
    return f"wiped {[model.__name__ for model in chosen]}"


def rewrite_history(rng: random.Random) -> str:
    """Edit an event and compute everything above it again; only the key is missing."""
    did = edit_an_event(rng)
    rehash()
    how = rng.choice(["leave", "own key", "old signature"])
    for checkpoint in Checkpoint.objects.all():
        if how != "leave":
            resign(checkpoint, how)
    return f"rewritten ({how}): {did}"


MUTATIONS: list[Callable[[random.Random], str]] = [
    edit_an_event,
    edit_an_event,
    edit_an_event,
    edit_a_leaf,
    edit_a_node,
    edit_a_checkpoint,
    delete_a_row,
    insert_an_event,
    insert_a_leaf,
    insert_a_node,
    insert_a_checkpoint,
    swap_two_leaves,
    swap_two_events,
    duplicate_an_event,
    renumber,
    cut_the_tail,
    roll_back,
    wipe,
    rewrite_history,
]


def any_of(rng: random.Random, model: Any) -> Any:
    return rng.choice(list(model._default_manager.all()))


def changed(rng: random.Random, column: str, old: Any) -> Any:
    """Return another value that the column takes."""
    if column in {"occurred_at", "time"}:
        return old + rng.choice([-1, 1]) * rng.choice(
            [SECOND, SECOND / 10**6, 60 * DAY]
        )
    if column == "details":
        return old | {
            rng.choice(["code", "new"]): rng.choice([None, "x", 1, 0.5, [{}]])
        }
    if column == "address":
        return rng.choice(["203.0.113.9", "2001:db8::1"])
    if column == "xact_id":
        return rng.choice([str(int(old or 1) + 1), "1" if old is None else None])
    if column == "outcome":
        return rng.choice([each for each in AuditEvent.Outcome.values if each != old])
    if isinstance(old, int):
        return old + rng.choice([500, 20_000])
    if isinstance(old, bytes | memoryview):
        flipped = bytearray(old)
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        return bytes(flipped)
    place = rng.randrange(len(old)) if old else 0
    other = rng.choice([each for each in "xyé" if each != old[place : place + 1]])
    return old[:place] + other + old[place + 1 :]


def cut(size: int) -> None:
    """Remove everything of the log beyond a size, the checkpoints aside."""
    gone = AuditLeaf.objects.filter(index__gte=size)
    AuditEvent.objects.filter(
        pk__in=list(gone.values_list("event_id", flat=True))
    ).delete()
    gone.delete()
    sql("DELETE FROM audit_auditnode WHERE (number + 1) << level > %s", size)


def rehash() -> None:
    tree = Frontier()
    sql("DELETE FROM audit_auditnode")
    for leaf in AuditLeaf.objects.order_by("index"):
        rows = sql(
            f"SELECT {SELECTED} FROM audit_auditevent e WHERE id = %s", leaf.event_id
        )
        hashed = hash_of_row(rows[0]) if rows else bytes(leaf.hash)
        if rows:
            AuditLeaf.objects.filter(pk=leaf.pk).update(
                hash=hashed, occurred_at=rows[0][1]
            )
        for node, root in tree.append(hashed):
            if node.level == 8:
                sql("INSERT INTO audit_auditnode VALUES (%s, %s, %s)", *node, root)
        for checkpoint in Checkpoint.objects.filter(size=tree.size):
            Checkpoint.objects.filter(pk=checkpoint.pk).update(root=tree.root())


def resign(checkpoint: Checkpoint, how: str) -> None:
    head = open_checkpoint(checkpoint.note)
    forged = TreeHead(head.origin, head.size, bytes(checkpoint.root), head.time)
    note = NoteKey(head.origin, bytes(range(32))).sign(forged)
    if how == "old signature":
        note = forged.text() + "\n" + checkpoint.note.partition("\n\n")[2]
    Checkpoint.objects.filter(pk=checkpoint.pk).update(note=note)
