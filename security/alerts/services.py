"""Hourly alerts. Source: Security Considerations, "Security Monitoring"."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.base.context import Principal, System, holds
from audit.base.core.readers import rfc3339
from audit.base.errors import NotFound, NotPermitted
from audit.base.once import insert_once
from audit.base.readable import check_text
from audit.queries.reading import sealed_events
from audit.queries.tree import sealing_delay
from audit.services.following import follow
from audit.services.recording import record
from security.alerts.core.thresholds import (
    GRACE,
    HOUR,
    SEALING_LATE,
    hours_of,
    is_reached,
    threshold_of,
)
from security.alerts.models import Alert
from security.alerts.queries import ALERTS, metric_counts, watched_steps
from security.errors import TransitionRefused
from security.notifications.services.messages import notify_contacts

ACTOR = System("alert thresholds")


def check_alerts(*, now: datetime) -> None:
    """Check the present hour, and every hour that sealed events are new of.

    Each hour is a transaction of its own. Each metric raises at most one alert for it,
    however often and by however many workers this runs.
    """

    def check(times: Iterable[datetime]) -> None:
        for hour in hours_of(times, now=now):
            _check_hour(hour)

    # Sealed or not: stopping the sequencer must not stop alerts.
    check([now - GRACE, now])
    follow(
        ALERTS,
        lambda start, end: check(watched_steps(sealed_events(start, end))),
        now=now,
    )


def check_sealing(*, now: datetime) -> None:
    """Raise an alert, once an hour, when the log's sequencer lags or has stopped.

    Nothing else stops for it: what is written meanwhile is sealed later.
    """
    delay = sealing_delay(now=now)
    if delay >= SEALING_LATE:
        with transaction.atomic(durable=True):
            raise_this_hour(
                "audit_sealing_late", now=now, count=int(delay.total_seconds())
            )


def raise_at_once(metric: str) -> Alert | None:
    """Raise an alert on one event that is never harmless; queue its message.

    In the transaction of the event itself; its window begins with the event. `metric`
    is one of ALERTING_EVENTS.
    """
    return raise_alert(metric, window_start=timezone.now(), count=1)


def raise_this_hour(
    metric: str, *, now: datetime | None = None, count: int = 1
) -> Alert | None:
    """Raise an alert on what may happen again and again, once in each clock hour."""
    hour = (now or timezone.now()).replace(minute=0, second=0, microsecond=0)
    return raise_alert(metric, window_start=hour, count=count)


def raise_alert(metric: str, *, window_start: datetime, count: int) -> Alert | None:
    """Raise an alert and queue its message, in the caller's transaction.

    None if there is one of that metric and hour already.
    """
    alert = Alert(
        metric=metric,
        window_start=window_start,
        count=count,
        threshold=threshold_of(metric),
        raised_at=timezone.now(),
    )
    if not insert_once(alert):
        return None
    record(
        "alert.raised",
        target=("alert", alert.pk, metric),
        details={
            "metric": metric,
            "count": count,
            "threshold": alert.threshold,
            "window_start": rfc3339(window_start),
        },
        actor=ACTOR,
    )
    notify_contacts(
        subject=f"Alert: {metric} reached {count}",
        body=(
            f"{metric}: {count} in the hour from {window_start:%Y-%m-%d %H:%M} UTC.\n"
            f"The threshold is {alert.threshold}.\n\n"
            f"{settings.BASE_URL}/admin/security/alert/{alert.pk}/change/\n"
        ),
        series="alert",
        key=alert.pk,
    )
    return alert


def acknowledge_alert(alert_id: str, *, acting: Principal, note: str = "") -> Alert:
    """Say that somebody has seen an alert. Takes security.change_alert.

    Raises NotPermitted, TextRefused, NotFound, and TransitionRefused when somebody
    did before.
    """
    if not holds(acting, "security.change_alert"):
        raise NotPermitted
    check_text(note, pointer="/note")
    with transaction.atomic(durable=True):
        alert = Alert.objects.select_for_update().filter(pk=alert_id).first()
        if alert is None:
            raise NotFound
        if alert.status != Alert.Status.OPEN:
            raise TransitionRefused("This alert was acknowledged before.")
        alert.status = Alert.Status.ACKNOWLEDGED
        alert.acknowledged_by = acting.label[:200]
        alert.acknowledged_at = timezone.now()
        alert.save(update_fields=["status", "acknowledged_by", "acknowledged_at"])
        record(
            "alert.acknowledged",
            target=("alert", alert.pk, alert.metric),
            details={"note": note},
            actor=acting,
        )
    return alert


def _check_hour(start: datetime) -> None:
    with transaction.atomic(durable=True):
        counts = metric_counts(since=start, until=start + HOUR)
        for metric, count in counts.items():
            if is_reached(metric, count):
                raise_alert(metric, window_start=start, count=count)
