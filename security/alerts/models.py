"""Alerts."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from audit.base.ids import PrefixedIdField


class Alert(models.Model):
    """A count passed its hourly threshold. Raised once per metric and hour."""

    class Status(models.TextChoices):
        OPEN = "open"
        ACKNOWLEDGED = "acknowledged"

    id = PrefixedIdField("alr")
    metric = models.CharField(max_length=40)
    window_start = models.DateTimeField(help_text="Covers one hour from here (UTC).")
    count = models.PositiveIntegerField()
    threshold = models.PositiveIntegerField()
    status = models.CharField(
        max_length=12, choices=Status.choices, default=Status.OPEN
    )
    raised_at = models.DateTimeField(default=timezone.now)
    acknowledged_by = models.CharField(max_length=200, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-raised_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["metric", "window_start"], name="one_alert_per_metric_and_hour"
            )
        ]

    def __str__(self) -> str:
        return f"{self.metric}: {self.count} (threshold {self.threshold})"
