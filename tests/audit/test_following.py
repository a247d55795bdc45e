"""A reader of the log by index misses nothing, whatever commits late or dies."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from audit.models import AuditEvent, AuditLeaf, ReaderCursor
from audit.queries.reading import reader_lags, sealed_events
from audit.services import following
from audit.services.following import follow
from tests.audit.logs import seal, write_event, write_events

NOW = timezone.now()


class Reader:
    """Collects what it is handed; fails on the chosen batches."""

    def __init__(self, *, failing: tuple[int, ...] = ()) -> None:
        self.lots: list[set[str]] = []
        self.failing = failing

    def __call__(self, start: int, end: int) -> None:
        events = sealed_events(start, end)
        self.lots.append(set(events.values_list("id", flat=True)))
        if len(self.lots) in self.failing:
            raise RuntimeError("no")

    @property
    def ids(self) -> list[str]:
        return [event_id for lot in self.lots for event_id in sorted(lot)]


@pytest.fixture
def lots_of_three(monkeypatch):
    monkeypatch.setattr(following, "BATCH", 3)


def places() -> dict[str, int]:
    return dict(ReaderCursor.objects.values_list("name", "index"))


@pytest.mark.django_db
def test_a_reader_gets_each_sealed_event_once(lots_of_three):
    events = write_events(7)
    seal()
    reader, other = Reader(), Reader()

    follow("a", reader, now=NOW)
    follow("a", reader, now=NOW)
    write_events(1)
    follow("a", reader, now=NOW)

    assert [len(lot) for lot in reader.lots] == [3, 3, 1]
    assert set(reader.ids) == {event.pk for event in events}
    follow("b", other, now=NOW)
    assert other.lots == reader.lots
    assert places() == {"a": 7, "b": 7}


@pytest.mark.django_db
def test_a_lot_that_fails_comes_again(lots_of_three):
    write_events(7)
    seal()
    reader = Reader(failing=(2,))

    with pytest.raises(RuntimeError):
        follow("a", reader, now=NOW)
    assert places() == {"a": 3}
    follow("a", reader, now=NOW)

    first, second, again, last = reader.lots
    assert second == again
    assert len(first | again | last) == 7


@pytest.mark.usefixtures("committed_db")
def test_what_commits_late_is_read_when_it_is_sealed():
    has_written, may_commit = threading.Event(), threading.Event()
    late: list[str] = []

    def write_slowly() -> None:
        with transaction.atomic():
            late.append(write_event().pk)
            has_written.set()
            may_commit.wait()
        connection.close()

    slow = threading.Thread(target=write_slowly)
    slow.start()
    has_written.wait()
    reader = Reader()
    newer = write_events(2)
    seal()
    follow("a", reader, now=NOW)
    assert set(reader.ids) == {event.pk for event in newer}

    may_commit.set()
    slow.join()
    seal()
    follow("a", reader, now=NOW)

    assert reader.lots[1] == set(late)


@pytest.mark.usefixtures("committed_db")
def test_of_many_workers_each_moves_the_cursor_on_and_none_back(lots_of_three):
    events = write_events(40)
    seal()
    readers = [Reader() for _ in range(4)]
    barrier = threading.Barrier(len(readers))

    def work(reader: Reader) -> None:
        barrier.wait()
        follow("a", reader, now=NOW)
        connection.close()

    threads = [threading.Thread(target=work, args=[reader]) for reader in readers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert places() == {"a": 40}
    assert {id_ for reader in readers for id_ in reader.ids} == {e.pk for e in events}


@pytest.mark.usefixtures("committed_db", "as_owner")
def test_a_log_that_got_shorter_is_read_on_from_its_end():
    write_events(5)
    seal()
    follow("a", Reader(), now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditleaf DISABLE TRIGGER USER")
    AuditLeaf.objects.filter(index__gte=2).delete()
    reader = Reader()

    follow("a", reader, now=NOW)
    assert places() == {"a": 2}
    seal()
    follow("a", reader, now=NOW)

    assert len(reader.ids) == 3


@pytest.mark.django_db
def test_the_lag_is_told_in_events_and_in_time():
    assert reader_lags(now=NOW) == []
    write_events(2)
    seal()
    follow("a", Reader(), now=NOW)
    [lag] = reader_lags(now=NOW)
    assert (lag.reader, lag.events, lag.delay, lag.read_at) == (
        "a",
        0,
        timedelta(0),
        NOW,
    )

    event, *_ = write_events(3)
    seal()
    [lag] = reader_lags(now=event.occurred_at + timedelta(seconds=5))

    assert (lag.events, lag.delay) == (3, timedelta(seconds=5))
    assert AuditEvent.objects.count() == 5
