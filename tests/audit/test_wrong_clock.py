"""The log after a clock that was three days ahead for a while."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from audit.keys import open_checkpoint
from audit.models import AuditEvent
from audit.queries.reading import last_verification, verification_is_requested
from audit.queries.tree import sealing_delay
from audit.services.sealing import make_checkpoint_if_due
from audit.services.verification import (
    _earliest,
    ask_for_verification,
    record_verification,
    verify_log,
)
from tests.audit.logs import WRITER, seal, write_event, write_events

AHEAD = timedelta(days=3)
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.usefixtures("committed_db", "outside")


def verified(*, is_good: bool) -> None:
    result = verify_log(grace_s=0)
    result.findings[:] = [] if is_good else [*result.findings, "A finding."]  # type: ignore[list-item]
    record_verification(result, actor=WRITER)
    seal()


def test_checkpoints_go_on_after_a_clock_that_was_ahead():
    now = timezone.now()
    with time_machine.travel(now + AHEAD, tick=False):
        first = make_checkpoint_if_due()

    with time_machine.travel(now, tick=False):
        write_events(3)
        seal()
        second = make_checkpoint_if_due()
        assert make_checkpoint_if_due() is None

    assert first is not None
    assert second is not None
    assert (second.number, second.size) == (2, 3)
    assert second.time == now.replace(microsecond=0)
    assert verify_log(grace_s=0).is_good


def test_checkpoints_go_on_after_a_clock_that_was_behind():
    now = timezone.now()
    with time_machine.travel(now - AHEAD, tick=False):
        first = make_checkpoint_if_due()

    with time_machine.travel(now, tick=False):
        second = make_checkpoint_if_due()
        assert make_checkpoint_if_due() is None

    assert first is not None
    assert second is not None
    assert verify_log(grace_s=0).is_good


def test_the_last_verification_is_the_last_one_done_whatever_its_time():
    """Else a failure would be hidden by a success of three days ahead."""
    with time_machine.travel(timezone.now() + AHEAD):
        verified(is_good=True)
    verified(is_good=False)

    last = last_verification()

    assert last is not None
    assert last.outcome == "failure"
    assert AuditEvent.objects.filter(action="audit.verified").count() == 2


def test_who_asks_for_a_verification_gets_one_after_a_clock_that_was_ahead():
    with time_machine.travel(timezone.now() + AHEAD):
        verified(is_good=True)
    assert not verification_is_requested()

    ask_for_verification(acting=WRITER)
    assert verification_is_requested()  # Sealed or not.
    seal()
    assert verification_is_requested()

    verified(is_good=True)
    assert not verification_is_requested()


def test_the_sequencer_is_missed_also_after_a_clock_that_was_ahead():
    with time_machine.travel(timezone.now() + AHEAD):
        write_event()
        seal()

    event = write_event()

    assert sealing_delay(now=event.occurred_at + MINUTE) == MINUTE
    seal()
    assert sealing_delay(now=event.occurred_at + MINUTE) == timedelta(0)


def test_what_is_out_of_place_is_looked_for_from_before_a_clock_that_was_ahead():
    now = timezone.now().replace(microsecond=0)
    write_event()
    seal()
    with time_machine.travel(now + AHEAD, tick=False):
        ahead = make_checkpoint_if_due()
    write_event()
    seal()
    with time_machine.travel(now, tick=False):
        right = make_checkpoint_if_due()
    assert ahead is not None
    assert right is not None
    heads = [open_checkpoint(each.note) for each in (ahead, right)]

    a_day = timedelta(days=1)
    with time_machine.travel(now, tick=False):
        assert _earliest(heads[0], []) == now - a_day
    with time_machine.travel(now + 2 * AHEAD, tick=False):
        assert _earliest(heads[0], heads) == now - a_day
        assert _earliest(heads[1], heads) == now - a_day
        assert _earliest(heads[0], []) == now + AHEAD - a_day
