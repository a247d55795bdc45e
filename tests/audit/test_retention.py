"""Old months go; what remains verifies, and nothing young can go that way."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from audit.core.retention import (
    AGE_MIN,
    Retirement,
    is_explained,
    month_of,
    next_month,
    retirement_of,
)
from audit.keys import signing_key
from audit.models import AuditEvent, AuditLeaf
from audit.services.recording import build_event, record
from audit.services.sealing import make_checkpoint_if_due
from audit.services.verification import verify_log
from audit.verifier import main
from tests.audit import tampering
from tests.audit.logs import WRITER, seal, write_events
from tests.databases import RUNTIME, connect_as

OLD = datetime(2024, 3, 10, 12, tzinfo=UTC)
MARCH, APRIL = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_months_follow_each_other_without_a_gap(day: date):
    start = datetime(day.year, day.month, 1, tzinfo=UTC)

    assert month_of(f"audit_auditevent_{start:%Y_%m}") == start
    assert timedelta(28) <= next_month(start) - start <= timedelta(31)
    assert next_month(start).day == 1


def test_only_what_was_old_enough_then_is_explained():
    in_time = Retirement(MARCH, APRIL, APRIL + AGE_MIN)
    too_early = Retirement(MARCH, APRIL, APRIL + AGE_MIN - timedelta(seconds=1))

    assert is_explained(MARCH, [in_time])
    assert not is_explained(APRIL, [in_time])
    assert not is_explained(MARCH - timedelta(microseconds=1), [in_time])
    assert not is_explained(MARCH, [too_early])
    assert is_explained(MARCH, [too_early, in_time])
    assert not is_explained(MARCH, [])


@pytest.fixture
def log(outside: Path, as_owner: None) -> list[str]:
    """Seven events of March 2024 in a partition of their own, five of today."""
    tampering.sql(
        "CREATE TABLE audit_auditevent_2024_03 PARTITION OF audit_auditevent"
        " FOR VALUES FROM ('2024-03-01Z') TO ('2024-04-01Z')"
    )
    old = [write_old(number) for number in range(7)]
    write_events(5)
    seal()
    assert make_checkpoint_if_due()
    return old


def write_old(number: int) -> str:
    event = build_event(
        "request.refused",
        details={"code": "old", "status": number},
        actor=WRITER,
        occurred_at=OLD + timedelta(minutes=number),
    )
    with transaction.atomic():
        event.save(force_insert=True)
    return event.pk


def retire(month: str = "2025-01") -> None:
    call_command("retire_audit", "--before", month)


def test_the_month_is_gone_and_the_rest_verifies(log, capsys):
    retire()

    assert capsys.readouterr().out == "2024-03: 7 events removed.\n"
    assert not AuditEvent.objects.filter(pk__in=log).exists()
    assert AuditLeaf.objects.filter(event_id__in=log).count() == 7
    event = AuditEvent.objects.get(action="audit.retired")
    assert event.details == {
        "from": "2024-03-01T00:00:00Z",
        "until": "2024-04-01T00:00:00Z",
        "events": 7,
    }
    seal()
    result = verify_log(grace_s=0)
    assert result.findings == []
    assert result.size == 14


def test_an_outsider_verifies_what_remains(log, tmp_path: Path, capsys):
    retire()
    seal()
    capsys.readouterr()
    call_command("export_audit", "--format", "proof")
    export = tmp_path / "export.jsonl"
    export.write_text(capsys.readouterr().out)
    key = str(signing_key().public)

    assert main([str(export), "--origin", "local/audit", "--key", key]) == 0
    lines = export.read_text().splitlines()
    export.write_text("\n".join(line for line in lines if "audit.retired" not in line))
    assert main([str(export), "--origin", "local/audit", "--key", key]) == 1


def test_a_month_that_is_too_young_stays(log):
    early = APRIL + AGE_MIN - timedelta(seconds=1)
    with (
        time_machine.travel(early, tick=False),
        pytest.raises(CommandError, match="not old enough"),
    ):
        retire()
    assert AuditEvent.objects.filter(pk__in=log).count() == 7
    assert not AuditEvent.objects.filter(action="audit.retired").exists()

    with time_machine.travel(APRIL + AGE_MIN, tick=False):
        retire()
    assert not AuditEvent.objects.filter(pk__in=log).exists()


def test_a_month_that_is_not_sealed_or_not_signed_stays(log):
    late = write_old(8)
    with pytest.raises(CommandError, match="not sealed and signed"):
        retire()
    seal()
    with pytest.raises(CommandError, match="not sealed and signed"):
        retire()
    assert AuditEvent.objects.filter(pk__in=[*log, late]).count() == 8


def test_a_log_that_does_not_verify_stays(log):
    tampering.remove_guards()
    AuditEvent.objects.filter(pk=log[3]).update(outcome="failure")

    with pytest.raises(CommandError, match="does not verify: index 3: Event evt_"):
        retire()

    assert AuditEvent.objects.filter(pk__in=log).count() == 7
    assert not AuditEvent.objects.filter(action="audit.retired").exists()
    assert AuditEvent.objects.get(action="audit.verified").outcome == "failure"


def test_l3_an_event_that_claims_it_hides_no_removal_of_what_is_young(log):
    with transaction.atomic():
        record(
            "audit.retired",
            details={
                "from": (timezone.now() - timedelta(days=40)).isoformat(),
                "until": (timezone.now() + timedelta(days=1)).isoformat(),
                "events": 1,
            },
            actor=WRITER,
        )
    seal()
    leaf = AuditLeaf.objects.get(index=9)
    tampering.remove_guards()
    AuditEvent.objects.filter(pk=leaf.event_id).delete()

    [finding] = verify_log(grace_s=0).findings
    assert (finding.index, finding.code) == (9, "event_missing")


def test_the_runtime_cannot_retire(log):
    connect_as(RUNTIME)

    with pytest.raises(CommandError, match="must be owner"):
        retire()

    assert AuditEvent.objects.filter(pk__in=log).count() == 7
    assert not AuditEvent.objects.filter(action="audit.retired").exists()


def test_what_is_no_month_is_refused_and_no_month_is_said(log, capsys):
    with pytest.raises(CommandError, match="invalid _month value"):
        retire("2024-13")
    retire("2024-03")
    assert capsys.readouterr().out == "There is no month before that.\n"


@pytest.mark.parametrize(
    "details",
    [
        None,
        {},
        {"from": "x", "until": "y"},
        {"from": "2024-03-01", "until": "2024-04-01"},
        {"from": 1, "until": 2},
    ],
)
def test_an_event_that_tells_no_months_explains_nothing(details):
    assert retirement_of(details, at=OLD) is None
