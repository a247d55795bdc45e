"""Read alerts, and count the events that raise them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, DateTimeField, Func, Q, QuerySet

from audit.models import AuditEvent
from audit.queries.reading import sealed_events, stream
from audit.queries.tree import leaf_time
from security.alerts.core import refusals, thresholds
from security.alerts.models import Alert

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


# The readers of the log; see audit.services.following.
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


def watched_steps(events: QuerySet[AuditEvent]) -> list[datetime]:
    """Return the steps (half minutes) with events that alerts and incidents count.

    By their starts, in order. 1 query.
    """
    steps = events.filter(action__in=WATCHED).annotate(step=_Step("occurred_at"))
    return list(steps.values_list("step", flat=True).distinct().order_by("step"))


def steps_touched(start: int, end: int, *, now: datetime) -> list[datetime]:
    """Return the steps that end an hour in which newly sealed events may count.

    The events have an index in [start, end). An hour also counts events that were read
    before: if the first new ones are older than those, they may count in every hour up
    to one after the last. Events older than 72 hours are ignored. 2 to 4 queries.
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


def alert_list() -> QuerySet[Alert]:
    """Return alerts, newest first."""
    return Alert.objects.all()


class _Step(Func):
    """The start of the step that an instant falls in."""

    template = (
        f"date_bin('{thresholds.STEP.seconds} s', %(expressions)s,"
        " TIMESTAMPTZ '1970-01-01 00:00:00+00')"
    )
    output_field = DateTimeField()
