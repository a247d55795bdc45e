"""Checkpoints: when they are made, what they say, and where their copies go."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audit.core.checkpoint import AT_THE_LATEST, SOON, NoteRefused, PublicKey, is_due
from audit.core.merkle import EMPTY_ROOT
from audit.keys import open_checkpoint, signing_key, trusted_keys
from audit.models import AuditLeaf, Checkpoint
from audit.queries.tree import root_at
from audit.services.sealing import deliver_checkpoints, make_checkpoint_if_due
from audit.services.verification import verify_log
from audit.sinks import DirectorySink, SinkRefused
from tests.audit.logs import seal, write_events

SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.usefixtures("outside")


@pytest.mark.parametrize(
    ("grown", "age", "expected"),
    [
        (0, timedelta(0), False),
        (0, AT_THE_LATEST - SECOND, False),
        (0, AT_THE_LATEST, True),
        (1, SOON - SECOND, False),
        (1, SOON, True),
        (99, timedelta(0), False),
        (100, timedelta(0), True),
        (101, -SOON, True),
        # The last one was signed by a clock that was ahead.
        (1, SECOND - SOON, False),
        (1, -SOON, True),
        (0, SECOND - AT_THE_LATEST, False),
        (0, -AT_THE_LATEST, True),
    ],
)
def test_a_checkpoint_is_due_after_events_or_time(grown, age, expected):
    assert is_due(grown=grown, age=age, every_events=100) is expected


def make() -> Checkpoint:
    checkpoint = make_checkpoint_if_due()
    assert checkpoint is not None
    return checkpoint


@pytest.mark.usefixtures("committed_db")
class TestMaking:
    def test_an_empty_log_begins_with_a_checkpoint(self):
        checkpoint = make()

        assert (checkpoint.number, checkpoint.size) == (1, 0)
        assert checkpoint.root == EMPTY_ROOT
        assert make_checkpoint_if_due() is None

    def test_an_empty_log_verifies(self):
        result = verify_log(grace_s=0)

        assert result.is_good
        assert (result.size, result.checkpoints) == (0, 0)

    def test_what_it_says_is_signed_and_true(self):
        write_events(3)
        seal()

        checkpoint = make()

        head = open_checkpoint(checkpoint.note)
        assert (head.size, head.root) == (3, root_at(3))
        assert (head.size, head.root, head.time) == (
            checkpoint.size,
            bytes(checkpoint.root),
            checkpoint.time,
        )

    def test_enough_events_make_the_next_one(self, settings):
        settings.AUDIT_CHECKPOINT_EVENTS = 3
        with time_machine.travel(timezone.now(), tick=False):
            make()
            write_events(2)
            seal()
            assert make_checkpoint_if_due() is None
            write_events(1)
            seal()

            assert (make().number, Checkpoint.objects.count()) == (2, 2)

    def test_an_hour_without_events_makes_the_next_one(self):
        first = make()

        with time_machine.travel(first.time + AT_THE_LATEST, tick=False):
            second = make()

        assert (second.number, second.size) == (2, first.size)
        assert second.time - first.time == AT_THE_LATEST
        assert second.note != first.note

    @pytest.mark.parametrize(
        "sql",
        [
            "UPDATE audit_checkpoint SET size = 0",
            "DELETE FROM audit_checkpoint",
            "TRUNCATE audit_checkpoint",
        ],
    )
    def test_l1_checkpoints_are_history(self, refusal: str, sql: str):
        make()

        with connection.cursor() as cursor, pytest.raises(DatabaseError, match=refusal):
            cursor.execute(sql)
        assert Checkpoint.objects.count() == 1

    def test_no_two_checkpoints_have_one_number(self):
        made = make()

        with pytest.raises(DatabaseError), transaction.atomic():
            Checkpoint(
                number=made.number, size=9, root=made.root, time=made.time, note="x"
            ).save(force_insert=True)


@pytest.mark.usefixtures("committed_db")
class TestDelivery:
    def test_each_note_lies_outside_word_for_word(self, outside: Path):
        make()
        with time_machine.travel(timezone.now() + AT_THE_LATEST):
            make()

        assert deliver_checkpoints()

        notes = list(
            Checkpoint.objects.order_by("number").values_list("note", flat=True)
        )
        files = sorted(outside.rglob("*.txt"))
        assert [path.read_text() for path in files] == notes
        assert [path.name for path in files] == ["000000000001.txt", "000000000002.txt"]
        assert {path.stat().st_mode & 0o777 for path in files} == {0o444}
        assert list(outside.rglob("*.partial")) == []

    def test_what_a_crash_left_undelivered_is_delivered_later(self, outside: Path):
        make()
        assert DirectorySink().newest() == 0

        assert deliver_checkpoints()
        assert deliver_checkpoints()

        assert DirectorySink().newest() == 1

    def test_a_sink_that_fails_is_told_of_and_does_not_stop_the_others(
        self, settings, outside: Path, caplog
    ):
        settings.AUDIT_SINKS = [
            "tests.audit.test_checkpoints.BrokenSink",
            "audit.sinks.DirectorySink",
        ]
        make()

        assert not deliver_checkpoints()

        assert DirectorySink().newest() == 1
        assert "BrokenSink did not take a checkpoint" in caplog.text

    def test_a_log_that_has_forked_is_not_written_over_the_first_one(
        self, outside: Path
    ):
        """As after the database was put back to an older state and went on."""
        sink = DirectorySink()
        sink.write(1, "what was signed before\n")

        with pytest.raises(SinkRefused, match="holds another checkpoint"):
            sink.write(1, make().note)
        assert list(sink.read()) == [(1, "what was signed before\n")]


class BrokenSink:
    def newest(self) -> int:
        raise OSError("No space left on device")


def test_numbers_sort_across_directories(outside: Path):
    sink = DirectorySink()
    for number in (1, 2, 999, 1000, 1001, 2500):
        sink.write(number, f"note {number}\n")

    assert sink.newest() == 2500
    assert [number for number, _ in sink.read()] == [1, 2, 999, 1000, 1001, 2500]


def test_a_directory_that_cannot_be_written_is_an_error(outside: Path):
    outside.write_text("a file stands where the directory should be")

    with pytest.raises(OSError, match="Not a directory"):
        DirectorySink().write(1, "note\n")


@pytest.mark.usefixtures("committed_db")
def test_after_a_rotation_the_older_checkpoints_still_count(settings):
    old, older_note = signing_key().public, make().note
    settings.AUDIT_SIGNING_KEY = "bmV3LXRlc3QtYXVkaXQta2V5LTAxMjM0NTY3ODlhYmM="
    with pytest.raises(NoteRefused):
        open_checkpoint(older_note)

    settings.AUDIT_PREVIOUS_PUBLIC_KEYS = [str(old)]

    assert open_checkpoint(older_note).size == 0
    assert trusted_keys() == [signing_key().public, old]
    with time_machine.travel(timezone.now() + AT_THE_LATEST):
        assert open_checkpoint(make().note).size == 0


@pytest.mark.usefixtures("committed_db")
def test_the_command_seals_signs_and_delivers_once(outside: Path):
    write_events(5)

    call_command("run_sequencer", "--once")

    assert AuditLeaf.objects.count() == 5
    [(number, note)] = DirectorySink().read()
    assert (number, open_checkpoint(note).size) == (1, 5)


def test_the_public_keys_are_printed_as_other_tools_take_them(settings, capsys: Any):
    other = PublicKey("local/audit", bytes(range(32)))
    settings.AUDIT_PREVIOUS_PUBLIC_KEYS = [str(other)]

    call_command("audit_key")

    assert capsys.readouterr().out.splitlines() == [
        "origin local/audit",
        f"key    {signing_key().public}",
        f"key    {other}",
    ]
