"""`/metrics` for Prometheus, read from the database at each scrape."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from audit.queries.reading import last_verification, reader_lags
from audit.queries.tree import newest_checkpoint, sealing_delay, tree_size


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return all metrics in Prometheus' text format.

    Takes METRICS_TOKEN as bearer token, or a person who may read the log.
    """
    if not _has_token(request):
        if not request.user.is_authenticated:
            return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
        if not request.user.has_perm("audit.view_auditevent"):
            raise PermissionDenied
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


class AuditLog(Collector):
    """State of the audit log; every process of the platform reports the same."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics. 7 queries and one per reader."""
        now = timezone.now()
        yield _gauge("audit_sealed_events", "Events in the sealed log.", tree_size())
        yield _gauge(
            "audit_sealing_delay_seconds",
            "How long the oldest event has waited for its place in the sealed log.",
            sealing_delay(now=now).total_seconds(),
        )
        if checkpoint := newest_checkpoint():
            yield _gauge(
                "audit_checkpoint_timestamp_seconds",
                "When the newest checkpoint was signed.",
                checkpoint.time.timestamp(),
            )
        if verification := last_verification():
            yield _gauge(
                "audit_verification_timestamp_seconds",
                "When the log was last verified.",
                verification.occurred_at.timestamp(),
            )
            yield _gauge(
                "audit_verification_success",
                "1 if the log was found as signed by the last verification, else 0.",
                verification.outcome == "success",
            )
        events = GaugeMetricFamily(
            "audit_reader_lag_events",
            "Sealed events that a reader of the log has not processed.",
            labels=["reader"],
        )
        seconds = GaugeMetricFamily(
            "audit_reader_lag_seconds",
            "Age of the oldest sealed event that a reader has not processed.",
            labels=["reader"],
        )
        for lag in reader_lags(now=now):
            events.add_metric([lag.reader], lag.events)
            seconds.add_metric([lag.reader], lag.delay.total_seconds())
        yield from (events, seconds)


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=value)


def _has_token(request: HttpRequest) -> bool:
    if not settings.METRICS_TOKEN:
        return False
    expected = f"Bearer {settings.METRICS_TOKEN}".encode()
    given = request.headers.get("Authorization", "").encode()
    return hmac.compare_digest(given, expected)


REGISTRY = CollectorRegistry()
REGISTRY.register(AuditLog())
