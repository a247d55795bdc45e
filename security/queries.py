"""Reading locks, alerts and incidents, and what the audit log says of trouble."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    DateTimeField,
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

from audit.base.context import Principal
from audit.models import AuditEvent
from audit.queries import leaf_time, sealed_events, stream
from security.changes import changer_for, decidable_by
from security.core import incidents, refusals, thresholds
from security.models import (
    Alert,
    ChangeRequest,
    Incident,
    IncidentStep,
    ResourceLock,
    SecurityContact,
)

IS_HIGH_RISK = Q(
    action="transaction.decided", details__risk_bp__gt=thresholds.RISK_LIMIT_BP
)
# What a caller answers for, and may be locked for; not a form, a step, or our failure.
IS_OFFENCE = Q(action="request.refused", details__code__in=sorted(refusals.OFFENCES))


def _is_false_proof(action: str, detail: str) -> Q:
    excused = refusals.excused_reasons(action)
    return Q(action=action) & ~Q(**{f"details__{detail}__in": excused})


IS_FAILED_SIGN_IN = _is_false_proof("user.sign_in_failed", "reason") | _is_false_proof(
    "agent.token_refused", "reason"
)
IS_UNAUTHORIZED = (
    IS_FAILED_SIGN_IN | _is_false_proof("signature.refused", "code") | IS_OFFENCE
)
METRICS = {
    "failed_logins": IS_FAILED_SIGN_IN,
    "high_risk_transactions": IS_HIGH_RISK,
    "api_errors": IS_OFFENCE | Q(action="request.failed"),
    "function_call_failures": Q(
        action="function_call.decided", details__outcome="deny"
    ),
    "decryption_failed": Q(action="decryption.failed"),
    "decision_not_reproduced": Q(action="decision.replayed", outcome="failure"),
    "audit_log_damaged": Q(action="audit.verified", outcome="failure"),
}
# Who reads the log for them; see audit.services.follow.
ALERTS, INCIDENTS = "alerts", "incidents"
WATCHED = (
    "user.sign_in_failed",
    "agent.token_refused",
    "signature.refused",
    "request.refused",
    "request.failed",
    "decryption.failed",
    "audit.verified",
    "decision.replayed",
    "transaction.decided",
    "function_call.decided",
)


# Which live locks stop a caller, told once, for the statements of decisions too. Give
# the parameters agent, owner, merchant and function, None for what it is not about.
STOPPING_LOCKS = """
FROM security_resourcelock l
WHERE l.released_at IS NULL AND (l.kind, l.target_id) IN
    (('agent', %(agent)s), ('user', %(owner)s), ('merchant', %(merchant)s),
     ('function', %(function)s), ('everything', ''))
"""


@dataclass(frozen=True, slots=True)
class Suspect:
    """What one actor did in a window: who proved to be it, or an address.

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


def live_locks(
    kind: str | None = None, target_id: str | None = None
) -> QuerySet[ResourceLock]:
    """Return the locks in force, of one kind or target if told."""
    locks = ResourceLock.objects.filter(released_at=None)
    if kind is not None:
        locks = locks.filter(kind=kind)
    if target_id is not None:
        locks = locks.filter(target_id=target_id)
    return locks


def locks_stopping(
    *, agent_id: str, owner_id: str, merchant: str | None = None
) -> list[ResourceLock]:
    """Return the locks in force that stop an agent, in 1 query.

    Whatever it asks; with the key of a merchant also those of what it asks there.
    """
    parameters = {
        "agent": agent_id,
        "owner": owner_id,
        "merchant": merchant,
        "function": None,
    }
    return list(ResourceLock.objects.raw(f"SELECT l.* {STOPPING_LOCKS}", parameters))


def watched_steps(events: QuerySet[AuditEvent]) -> list[datetime]:
    """Return the steps (half minutes) with events that alerts and incidents count.

    By their starts, in order. 1 query.
    """
    steps = events.filter(action__in=WATCHED).annotate(step=_Step("occurred_at"))
    return list(steps.values_list("step", flat=True).distinct().order_by("step"))


def steps_touched(start: int, end: int, *, now: datetime) -> list[datetime]:
    """Return the steps that end an hour in which newly sealed events may tell.

    The events have an index in [start, end). An hour counts what was read before, too:
    where the first of them are from before that, they may tell in every hour up to one
    after the last. None from over 72 hours ago. 2 to 4 queries.
    """
    earliest = now - thresholds.CATCH_UP
    events = sealed_events(start, end).filter(occurred_at__gte=earliest)
    new = watched_steps(events)
    before = leaf_time(start - 1)
    if not new or before is None or before < new[0] + thresholds.STEP:
        return new
    near = AuditEvent.objects.filter(
        occurred_at__gte=new[0],
        occurred_at__lt=new[-1] + thresholds.STEP + thresholds.HOUR,
    )
    return thresholds.steps_after(new, watched_steps(near))


def metric_counts(*, since: datetime, until: datetime) -> dict[str, int]:
    """Return the count of each alert metric in [since, until), in 1 query."""
    counts = {name: Count("id", filter=rule) for name, rule in METRICS.items()}
    return stream(WATCHED, since=since, until=until).aggregate(**counts)


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


def dealt_with_until(kind: str, id_: str, *, now: datetime) -> datetime | None:
    """Return until when incidents dealt with an actor. 1 query.

    A time ahead of now is of a clock that was wrong: it tells of nothing that happens
    before it comes.
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


def alert_list() -> QuerySet[Alert]:
    """Return alerts, newest first."""
    return Alert.objects.all()


def may_decide(change: ChangeRequest, person: Principal) -> bool:
    """Tell whether a person may decide a change: never what is theirs or they gain.

    Whatever its status; what is resolved stays to be read.
    """
    if person.principal_id in (change.requested_by_id, change.owner_id):
        return False
    decidable = changer_for(change.kind).decidable_by(person)
    return ChangeRequest.objects.filter(decidable, pk=change.pk).exists()


def currency_of(change: ChangeRequest) -> str:
    """Return the currency of a change's amounts that do not name theirs; no query."""
    currency: str = change.payload.get("currency", "")
    return currency


def change_requests_visible_to(person: Principal) -> QuerySet[ChangeRequest]:
    """Return the changes that a person asked for, gains by or may decide."""
    own = Q(requested_by_id=person.principal_id) | Q(owner_id=person.principal_id)
    return ChangeRequest.objects.filter(own | decidable_by(person))


def contact(position: str) -> SecurityContact | None:
    """Return the primary or the backup contact."""
    return SecurityContact.objects.filter(position=position).first()


class _AddressUnit(Func):
    """An address as limits and incidents count it; see context.address_group."""

    template = (
        "CASE family(%(expressions)s) WHEN 6"
        " THEN host(network(set_masklen(%(expressions)s, 64)))"
        " ELSE host(%(expressions)s) END"
    )
    output_field = CharField()


class _Step(Func):
    """The start of the step that an instant falls in."""

    template = (
        f"date_bin('{thresholds.STEP.seconds} s', %(expressions)s,"
        " TIMESTAMPTZ '1970-01-01 00:00:00+00')"
    )
    output_field = DateTimeField()


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
