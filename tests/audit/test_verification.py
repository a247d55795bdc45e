"""Verifying the log: nothing wrong is missed, and nothing right is called wrong."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import override_settings
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from audit.core.checkpoint import AT_THE_LATEST
from audit.keys import open_checkpoint
from audit.models import AuditEvent, AuditLeaf, Checkpoint
from audit.services.recording import build_event
from audit.services.sealing import deliver_checkpoints, make_checkpoint_if_due
from audit.services.verification import Verification, verify_log
from audit.sinks import DirectorySink
from tests.audit import tampering
from tests.audit.logs import WRITER, seal, write_event, write_events, write_many
from tests.databases import copied, working_in


class Undo(Exception):
    """Ends a transaction that must leave nothing."""


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is outside of the database that the tests begin with."""
    return tmp_path_factory.mktemp("log") / "checkpoints"


@pytest.fixture(scope="module")
def template(
    checkpoints: Path,
    django_db_setup: None,
    migrated: str,
    administration: psycopg.Connection[Any],
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[str]:
    """A sealed log of 530 events, with checkpoints at 2, 202, 458, 460 and 530."""
    with copied(migrated, administration) as name:
        with (
            django_db_blocker.unblock(),
            working_in(name),
            override_settings(AUDIT_CHECKPOINT_DIR=str(checkpoints)),
        ):
            for number, size in enumerate((2, 200, 256, 2, 70)):
                write_events(2, first=number)
                write_many(size - 2)
                seal()
                checkpoint()
        yield name


@pytest.fixture(autouse=True)
def log(outside: Path, checkpoints: Path, as_owner: None) -> None:
    """The log, and its checkpoints outside, as a copy that a test may damage."""
    shutil.copytree(checkpoints, outside)


def checkpoint() -> Checkpoint:
    last = Checkpoint.objects.first()
    with time_machine.travel((last.time if last else timezone.now()) + AT_THE_LATEST):
        made = make_checkpoint_if_due()
    assert made is not None
    assert deliver_checkpoints()
    return made


def verify(**options) -> Verification:
    return verify_log(grace_s=0, **options)


def after(change, **options) -> Verification:
    """Verify what a change leaves, then undo it."""
    results = []
    try:
        with transaction.atomic():
            tampering.remove_guards()
            change()
            results.append(verify(**options))
            raise Undo
    except Undo:
        [result] = results
        return result


def test_an_untouched_log_verifies():
    result = verify()

    assert result.findings == []
    assert (result.since, result.size, result.checkpoints) == (0, 530, 5)
    assert result.clock_jumps == []


@pytest.mark.parametrize(
    "seed",
    [0, *(pytest.param(seed, marks=pytest.mark.stress) for seed in range(1, 20))],
)
def test_l2_l3_l4_l5_a_hundred_random_mutations_by_the_owner_are_all_found(
    seed: int,
):
    rng = random.Random(seed)
    missed = []
    for _ in range(100):
        mutation, did = rng.choice(tampering.MUTATIONS), []
        result = after(lambda: did.append(mutation(rng)))  # noqa: B023 - called at once.
        if result.is_good:
            missed.append((mutation.__name__, did))

    assert missed == []
    assert verify().is_good


def test_l2_the_row_that_was_edited_is_named():
    leaf = AuditLeaf.objects.get(index=123)
    found = AuditEvent.objects.filter(pk=leaf.event_id)

    result = after(lambda: found.update(actor_label="Somebody else"))

    assert [(each.index, each.code) for each in result.findings] == [
        (123, "event_changed")
    ]
    assert leaf.event_id in str(result.first)


def test_l2_of_several_the_first_is_told_first():
    ids = AuditLeaf.objects.filter(index__in=[400, 77, 301])
    events = AuditEvent.objects.filter(
        pk__in=list(ids.values_list("event_id", flat=True))
    )

    result = after(lambda: events.update(outcome="refused"))

    assert [each.index for each in result.findings] == [77, 301, 400]
    assert result.first.index == 77


def test_l3_a_gap_is_named_and_so_is_a_shorter_log():
    gap = after(lambda: AuditLeaf.objects.filter(index=42).delete())
    shorter = after(lambda: tampering.cut(300))

    assert (gap.first.index, gap.first.code) == (42, "leaf_missing")
    assert {each.code for each in shorter.findings} == {"log_shortened"}
    assert shorter.first.index == 300


def test_l3_a_wiped_database_is_found_by_what_is_outside():
    result = after(lambda: tampering.wipe(AllOfThem()))

    assert {each.code for each in result.findings} == {
        "checkpoint_missing",
        "log_shortened",
    }


class AllOfThem(random.Random):
    def randint(self, a: int, b: int) -> int:
        return b


def test_l4_a_rewritten_history_does_not_have_the_signed_root():
    def rewrite() -> None:
        leaf = AuditLeaf.objects.get(index=10)
        AuditEvent.objects.filter(pk=leaf.event_id).update(target_label="Other")
        tampering.rehash()

    result = after(rewrite)

    assert "event_changed" not in {each.code for each in result.findings}
    roots = [each for each in result.findings if each.code == "root_differs"]
    # The last leaf under each checkpoint that covers it.
    assert [each.index for each in roots] == [201, 457, 459, 529]


def test_l5_a_forged_checkpoint_outside_is_refused(outside: Path):
    path = sorted(outside.rglob("*.txt"))[2]
    original = path.read_text()
    path.chmod(0o644)

    path.write_text(original.replace("2", "3", 1))
    forged = verify()
    path.write_text(sorted(outside.rglob("*.txt"))[1].read_text())
    older = verify()
    path.write_text(original)

    assert {each.code for each in forged.findings} == {
        "note_refused",
        "checkpoint_differs",
    }
    assert {each.code for each in older.findings} == {
        "checkpoint_backwards",
        "checkpoint_differs",
    }
    assert verify().is_good


def test_l5_the_checkpoints_of_another_log_do_not_count(settings):
    settings.AUDIT_ORIGIN = "elsewhere.example/audit"

    result = verify()

    assert {each.code for each in result.findings} == {"note_refused"}


def test_a_checkpoint_that_is_not_outside_yet_is_no_finding(outside: Path):
    newest = sorted(outside.rglob("*.txt"))[-1]
    newest.unlink()
    assert verify().is_good

    sorted(outside.rglob("*.txt"))[1].unlink()
    assert {each.code for each in verify().findings} == {"checkpoint_missing"}


def test_an_unreadable_sink_is_a_finding(settings):
    settings.AUDIT_SINKS = ["tests.audit.test_verification.UnreadableSink"]

    [finding] = verify().findings

    assert finding.code == "sink_unreadable"
    assert "gone" in finding.detail


class UnreadableSink(DirectorySink):
    def read(self):
        raise OSError("The volume is gone")


def test_an_event_that_nobody_sealed_is_found():
    event = write_event()

    [finding] = verify().findings

    assert finding.code == "event_unsealed"
    assert event.pk in finding.detail


def test_an_event_that_is_sealed_meanwhile_is_waited_for(monkeypatch):
    write_event()
    sealed: list[int] = []
    monkeypatch.setattr(
        "audit.services.verification.time.sleep", lambda _: sealed.append(seal())
    )

    assert verify_log(grace_s=5).is_good
    assert sealed[0] == 1


def test_l12_a_clock_that_went_back_is_flagged_and_is_no_damage():
    past = timezone.now() - timedelta(hours=1)
    with transaction.atomic():
        build_event(
            "request.refused",
            details={"code": "late", "status": 1},
            actor=WRITER,
            occurred_at=past,
        ).save(force_insert=True)
    seal()

    result = verify()

    assert result.is_good
    assert result.clock_jumps == [530]


@pytest.mark.parametrize(
    "details",
    [
        {"code": "a", "status": 1, "number": 1e300},
        {"code": "a", "status": 1, "number": 1e-7, "other": 0.1},
        {"code": "a", "status": 1, "number": 2**64 + 1},
        {"code": "a", "status": 1, "\U0001f600": 1, "\ufb33": 2},
        {"code": '\x7f\x1f\\"/\u2028', "status": 1},
    ],
)
def test_details_that_are_out_of_the_ordinary_verify_as_well(details):
    with transaction.atomic():
        build_event("request.refused", details=details, actor=WRITER).save(
            force_insert=True
        )
    write_events(1)
    seal()

    assert verify().is_good


class TestIncremental:
    def test_only_what_came_after_a_good_checkpoint_is_looked_at(self):
        since = open_checkpoint(Checkpoint.objects.get(number=3).note)
        write_events(5)
        seal()

        result = verify(since=since)

        assert result.is_good
        assert (result.since, result.size) == (since.size, 535)

    def test_what_came_after_is_checked(self):
        since = open_checkpoint(Checkpoint.objects.get(number=3).note)
        leaf = AuditLeaf.objects.get(index=since.size + 4)
        event = AuditEvent.objects.filter(pk=leaf.event_id)

        result = after(event.delete, since=since)

        assert (result.first.index, result.first.code) == (leaf.index, "event_missing")

    def test_hashes_that_do_not_give_the_signed_root_are_not_gone_on_from(self):
        since = open_checkpoint(Checkpoint.objects.get(number=3).note)
        last = AuditLeaf.objects.filter(index=since.size - 1)

        result = after(lambda: last.update(hash=bytes(32)), since=since)

        assert {each.code for each in result.findings} == {
            "event_changed",
            "node_changed",
            "root_differs",
        }
        assert result.since == 0


class TestCommand:
    def test_a_good_log_ends_with_nothing_and_is_remembered(self, outside, capsys):
        call_command("verify_audit")

        assert "The log verifies." in capsys.readouterr().out
        event = AuditEvent.objects.get(action="audit.verified")
        assert event.outcome == "success"
        assert event.details["size"] == 530
        assert (outside / "verified.txt").read_text() == Checkpoint.objects.first().note

    def test_the_next_run_goes_on_from_there(self, capsys):
        call_command("verify_audit")
        capsys.readouterr()
        seal()

        call_command("verify_audit", "--incremental")

        assert "1 events from index 530 on" in capsys.readouterr().out

    def test_a_bad_log_ends_with_1_names_the_row_and_is_written_down(self, capsys):
        leaf = AuditLeaf.objects.get(index=9)
        tampering.remove_guards()
        AuditEvent.objects.filter(pk=leaf.event_id).update(outcome="refused")

        with pytest.raises(CommandError, match="index 9: Event") as caught:
            call_command("verify_audit")

        assert caught.value.returncode == 1
        assert f"index 9: Event {leaf.event_id}" in capsys.readouterr().out
        event = AuditEvent.objects.get(action="audit.verified")
        assert event.outcome == "failure"
        assert "index 9" in event.details["first"]

    def test_l5_a_state_that_nobody_signed_is_refused(self, outside: Path):
        call_command("verify_audit")
        state = outside / "verified.txt"
        state.write_text(state.read_text().replace("530", "999"))

        with pytest.raises(CommandError, match="is wrong") as caught:
            call_command("verify_audit", "--incremental")
        assert caught.value.returncode == 2


def test_several_processes_find_what_one_finds(monkeypatch):
    monkeypatch.setattr("audit.services.verification.PART", 128)
    tampering.remove_guards()
    for index in (300, 50):
        leaf = AuditLeaf.objects.get(index=index)
        AuditEvent.objects.filter(pk=leaf.event_id).update(outcome="refused")

    result = verify(jobs=2)

    assert [each.index for each in result.findings] == [50, 300]
    assert result.findings == verify().findings
    assert result.size == 530
