"""Incidents and their steps."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from audit.base.ids import PrefixedIdField
from security.locks.models import ResourceLock


class Incident(models.Model):
    """Trouble that is being dealt with, by fixed steps that survive a crash."""

    class Status(models.TextChoices):
        OPEN = "open"
        CONTAINED = "contained"
        INVESTIGATING = "investigating"
        RESOLVED = "resolved"
        CLOSED = "closed"

    class Resource(models.TextChoices):
        """What it is about. An address proves nobody, so nothing of it is locked."""

        AGENT = ResourceLock.Kind.AGENT
        USER = ResourceLock.Kind.USER
        ADDRESS = "address"

    id = PrefixedIdField("inc")
    trigger = models.CharField(max_length=40)
    value = models.CharField(max_length=40, help_text="What was measured.")
    measured = models.JSONField(
        default=dict, help_text="Every limit that was exceeded, with what was measured."
    )
    resource_kind = models.CharField(max_length=12, choices=Resource.choices)
    resource_id = models.CharField(max_length=64)
    resource_label = models.CharField(max_length=200, blank=True)
    owner_id = models.CharField(max_length=40, blank=True)
    status = models.CharField(
        max_length=14, choices=Status.choices, default=Status.OPEN
    )
    source_event_id = models.CharField(max_length=40, blank=True)
    opened_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was resolved."
    )

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["resource_kind", "resource_id"],
                condition=~Q(status__in=["resolved", "closed"]),
                name="one_live_incident_per_resource",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["resolved", "closed"]) ^ Q(ended_at=None),
                name="incident_ended_with_its_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["resource_kind", "resource_id", "opened_at"],
                name="incident_resource",
            )
        ]

    def __str__(self) -> str:
        return f"{self.trigger} on {self.resource_kind} {self.resource_label}".strip()

    @property
    def measured_text(self) -> str:
        """What was measured: risk_score 0.8100, error_count 11."""
        measured = self.measured or {self.trigger: self.value}
        return ", ".join(f"{name} {value}" for name, value in measured.items())


class IncidentStep(models.Model):
    """One step of the response: lock, notify, log, investigate. Done at most once."""

    class Name(models.TextChoices):
        LOCK = "lock"
        NOTIFY = "notify"
        LOG = "log"
        INVESTIGATE = "investigate"

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=12, choices=Name.choices)
    done_at = models.DateTimeField(null=True, blank=True)
    result = models.CharField(max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["incident", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "name"], name="one_step_of_a_name_per_incident"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({'done' if self.done_at else 'waiting'})"
