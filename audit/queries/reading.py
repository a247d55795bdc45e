"""Reading the log: by scope, by object, and as the one event stream."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import F, Max, Min, OuterRef, Q, QuerySet

from audit.base.context import Principal, holds
from audit.core.retention import Retirement, retirement_of
from audit.models import AuditEvent, AuditLeaf, ReaderCursor, SavedFilter
from audit.queries.tree import leaf_time, tree_size

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ReaderLag:
    """How far a reader of the log is behind: in sealed events and in time."""

    reader: str
    events: int
    delay: timedelta
    read_at: datetime


def events_visible_to(principal: Principal) -> QuerySet[AuditEvent]:
    """Return what a person may read: all with audit.view_auditevent, else their own."""
    if holds(principal, "audit.view_auditevent"):
        return AuditEvent.objects.all()
    return events_about([principal.owner_id])


def events_about(owner_ids: Collection[str]) -> QuerySet[AuditEvent]:
    """Return the events that are about these people's data; none for an empty id."""
    return AuditEvent.objects.filter(
        owner_id__in=[owner_id for owner_id in owner_ids if owner_id]
    )


def timeline(target_ids: Collection[str]) -> QuerySet[AuditEvent]:
    """Return what happened to these objects, oldest first."""
    found = AuditEvent.objects.filter(target_id__in=target_ids)
    return found.order_by("occurred_at", "id")


def events_named(action: str, target_ids: Collection[str]) -> QuerySet[AuditEvent]:
    """Return the events of one action about some objects, in no order."""
    return AuditEvent.objects.filter(action=action, target_id__in=target_ids).order_by()


def stream(
    actions: Collection[str], *, since: datetime, until: datetime
) -> QuerySet[AuditEvent]:
    """Return the events of some actions in [since, until), in no order.

    What test agents do is left out: they rehearse, and nobody must be woken.
    """
    window = AuditEvent.objects.filter(
        action__in=actions, occurred_at__gte=since, occurred_at__lt=until
    )
    # In SQL a missing mode is neither "test" nor another one.
    is_live = Q(details__mode__isnull=True) | ~Q(details__mode="test")
    return window.filter(is_live).order_by()


def sealed_events(start: int, end: int) -> QuerySet[AuditEvent]:
    """Return the events with an index in [start, end), in no order. 1 query and 1."""
    leaves = AuditLeaf.objects.filter(index__gte=start, index__lt=end)
    # By the times the database knows which months to read.
    times = leaves.aggregate(first=Min("occurred_at"), last=Max("occurred_at"))
    return AuditEvent.objects.filter(
        id__in=leaves.order_by().values("event_id"),
        occurred_at__range=(times["first"], times["last"]),
    ).order_by()


def saved_filters(person_id: str) -> QuerySet[SavedFilter]:
    """Return the filters that a person keeps, by name."""
    return SavedFilter.objects.filter(person_id=person_id)


def reader_lags(*, now: datetime) -> list[ReaderLag]:
    """Return how far each reader of the log is behind. 2 queries and 1 per reader."""
    size = tree_size()
    return [_lag(cursor, size, now) for cursor in ReaderCursor.objects.all()]


def is_being_read(*, since: datetime, until: datetime) -> bool:
    """Return whether a reader last looked into the log in [since, until]. 1 query."""
    return ReaderCursor.objects.filter(read_at__range=(since, until)).exists()


def oldest_of_newest(count: int) -> datetime:
    """Return when the count-th newest event was written; the first, if there are less.

    1 query, by the index of times alone.
    """
    times = AuditEvent.objects.order_by("-occurred_at", "-id").values_list(
        "occurred_at", flat=True
    )
    return next(iter(times[count - 1 : count]), BEGINNING)


def last_verification() -> AuditEvent | None:
    """Return what the last verification of the log came to. 1 query."""
    return _newest("audit.verified")


def verification_is_requested() -> bool:
    """Return whether somebody asked for one after the last that was done. 1 query."""
    newest = _newest("audit.verification_asked", "audit.verified")
    return newest is not None and newest.action == "audit.verification_asked"


def retirements() -> list[Retirement]:
    """Return which months of the log were removed on purpose. 1 query."""
    found = (
        retirement_of(event.details, at=event.occurred_at)
        for event in AuditEvent.objects.filter(action="audit.retired")
    )
    return [each for each in found if each is not None]


def _lag(cursor: ReaderCursor, size: int, now: datetime) -> ReaderLag:
    unread = leaf_time(cursor.index)
    delay = now - unread if unread else timedelta(0)
    return ReaderLag(
        cursor.name,
        max(0, size - cursor.index),
        max(delay, timedelta(0)),
        cursor.read_at,
    )


def _newest(*actions: str) -> AuditEvent | None:
    """Return the newest event by its place in the sealed log.

    Its time may be of a clock that was wrong. What has no place yet is newer.
    """
    place = AuditLeaf.objects.filter(event_id=OuterRef("id")).values("index")
    events = AuditEvent.objects.filter(action__in=actions).annotate(place=place)
    return events.order_by(F("place").desc(nulls_first=True), "-occurred_at").first()
