"""Read incidents, and find actors above an incident limit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    Func,
    IntegerField,
    Max,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from audit.queries.reading import stream
from security.alerts.core import thresholds
from security.alerts.queries import IS_HIGH_RISK, IS_OFFENCE, IS_UNAUTHORIZED, WATCHED
from security.incidents.core import states as incidents
from security.incidents.models import Incident, IncidentStep


@dataclass(frozen=True, slots=True)
class Suspect:
    """What one actor did in a window: a proven identity, or an address.

    `kind` is agent, user or address; IPv6 addresses count by their /64.
    `events` names the newest event behind each trigger.
    """

    kind: str
    id: str
    label: str
    owner_id: str
    risk_bp: int
    error_count: int
    unauthorized_attempts: int
    events: dict[str, str]

    @property
    def triggers(self) -> tuple[str, ...]:
        return thresholds.triggers(
            risk_bp=self.risk_bp,
            error_count=self.error_count,
            unauthorized_attempts=self.unauthorized_attempts,
        )

    def value(self, trigger: str) -> str:
        """Return what was measured for a trigger, as people read it."""
        values = {
            "risk_score": thresholds.spoken_risk(self.risk_bp),
            "error_count": str(self.error_count),
            "unauthorized_attempts": str(self.unauthorized_attempts),
        }
        return values[trigger]


def suspects(*, since: datetime, until: datetime) -> list[Suspect]:
    """Return all actors above a limit in [since, until), in 1 query."""
    return _suspects(_by_actor(since=since, until=until))


def suspect(kind: str, id_: str, *, since: datetime, until: datetime) -> Suspect | None:
    """Return one actor if it is above a limit in [since, until), in 1 query."""
    actors = _by_actor(since=since, until=until).filter(who_kind=kind, who_id=id_)
    return next(iter(_suspects(actors)), None)


def live_incident(kind: str, id_: str) -> Incident | None:
    """Return the incident of an actor that is live, None without one. 1 query."""
    of_actor = Incident.objects.filter(resource_kind=kind, resource_id=id_)
    return of_actor.filter(status__in=incidents.LIVE).first()


def handled_until(kind: str, id_: str, *, now: datetime) -> datetime | None:
    """Return until when incidents dealt with an actor. 1 query.

    A time ahead of now comes from a wrong clock and is ignored.
    """
    of_actor = Incident.objects.filter(resource_kind=kind, resource_id=id_)
    times = of_actor.aggregate(
        opened=Max("opened_at", filter=Q(opened_at__lte=now)),
        ended=Max("ended_at", filter=Q(ended_at__lte=now)),
    )
    return max(filter(None, times.values()), default=None)


def unanswered_incidents() -> list[str]:
    """Return the ids of incidents with a response step to do, oldest first."""
    waiting = IncidentStep.objects.filter(done_at=None).order_by("incident__opened_at")
    return list(dict.fromkeys(waiting.values_list("incident_id", flat=True)))


def incident_list() -> QuerySet[Incident]:
    """Return incidents with their steps, newest first, in 2 queries."""
    return Incident.objects.prefetch_related("steps")


class _AddressUnit(Func):
    """An address as limits and incidents count it; see context.address_group."""

    template = (
        "CASE family(%(expressions)s) WHEN 6"
        " THEN host(network(set_masklen(%(expressions)s, 64)))"
        " ELSE host(%(expressions)s) END"
    )
    output_field = CharField()


_PROVEN = ("agent", "user")


def _by_actor(*, since: datetime, until: datetime) -> QuerySet[Any]:
    return (
        stream(WATCHED, since=since, until=until)
        .filter(
            Q(actor_kind__in=_PROVEN) | Q(actor_kind="anonymous", address__isnull=False)
        )
        .annotate(
            who_kind=Case(
                When(actor_kind__in=_PROVEN, then=F("actor_kind")),
                default=Value("address"),
                output_field=CharField(),
            ),
            who_id=Case(
                When(actor_kind__in=_PROVEN, then=F("actor_id")),
                default=_AddressUnit(F("address")),
                output_field=CharField(),
            ),
        )
    )


def _suspects(actors: QuerySet[Any]) -> list[Suspect]:
    risk_bp = Cast(KeyTextTransform("risk_bp", "details"), IntegerField())
    rows = (
        actors.values("who_kind", "who_id")
        .annotate(
            label=Max("actor_label", filter=Q(actor_kind__in=_PROVEN)),
            owner=Max("owner_id", filter=Q(actor_kind__in=_PROVEN)),
            risk_bp=Coalesce(Max(risk_bp, filter=IS_HIGH_RISK), 0),
            errors=Count("id", filter=IS_OFFENCE),
            unauthorized=Count("id", filter=IS_UNAUTHORIZED),
            risk_event=Max("id", filter=IS_HIGH_RISK),
            error_event=Max("id", filter=IS_OFFENCE),
            unauthorized_event=Max("id", filter=IS_UNAUTHORIZED),
        )
        .filter(
            Q(risk_bp__gt=thresholds.RISK_LIMIT_BP)
            | Q(errors__gt=thresholds.ERROR_LIMIT)
            | Q(unauthorized__gt=thresholds.UNAUTHORIZED_LIMIT)
        )
        .order_by("who_kind", "who_id")
    )
    return [
        Suspect(
            kind=row["who_kind"],
            id=row["who_id"],
            label=row["label"] or row["who_id"],
            owner_id=row["owner"] or "",
            risk_bp=row["risk_bp"],
            error_count=row["errors"],
            unauthorized_attempts=row["unauthorized"],
            events={
                "risk_score": row["risk_event"] or "",
                "error_count": row["error_event"] or "",
                "unauthorized_attempts": row["unauthorized_event"] or "",
            },
        )
        for row in rows
    ]
