"""Scheduled reviews."""

from __future__ import annotations

from django.db import models

from audit.base.ids import PrefixedIdField
from security.reviews.core.cadences import state_of


class Review(models.Model):
    """A scheduled security review: weekly scan to annual assessment."""

    class Cadence(models.TextChoices):
        WEEKLY = "weekly", "Weekly automated security scan"
        MONTHLY = "monthly", "Monthly manual security audit"
        QUARTERLY = "quarterly", "Quarterly penetration test"
        ANNUAL = "annual", "Annual comprehensive security assessment"

    id = PrefixedIdField("rev")
    cadence = models.CharField(max_length=10, choices=Cadence.choices)
    period_start = models.DateField()
    due_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)
    completed_by = models.CharField(max_length=200, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["due_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["cadence", "period_start"], name="one_review_per_period"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_cadence_display()} from {self.period_start}"

    @property
    def state(self) -> str:
        """What became of it, in words."""
        return state_of(self.cadence, completed_by=self.completed_by)
