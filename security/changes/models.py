"""The request for a change that needs a second person."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from audit.base.ids import PrefixedIdField


class ChangeRequest(models.Model):
    """A change that needs a second person, because it serves its requester.

    A trigger lets only its end be written, once. Its kind defines payload and base
    (registry.py); `changes` is what people read: name -> [old, new], or what a list
    gains and loses.
    """

    class Kind(models.TextChoices):
        POLICY = "policy", "Policy of an agent"
        ROLE = "role", "Rights of a person"
        LATE_CAPTURE = "late_capture", "Late capture"
        LATE_REVERSAL = "late_reversal", "Reversal of a late capture"
        SHARED_BUDGET = "shared_budget", "Shared budget"
        APPROVER_LIMIT = "approver_limit", "Limit of an approver"
        AGENT_OWNER = "agent_owner", "Owner of an agent"

    class Status(models.TextChoices):
        WAITING = "waiting"
        APPROVED = "approved"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"
        EXPIRED = "expired"
        SUPERSEDED = "superseded"

    id = PrefixedIdField("chg")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    target_id = models.CharField(max_length=160)
    target_label = models.CharField(max_length=200)
    owner_id = models.CharField(max_length=40, help_text="Who gains; never decides.")
    payload = models.JSONField()
    base = models.JSONField(help_text="What was in force when it was asked for.")
    changes = models.JSONField()
    requested_by = models.CharField(max_length=200)
    requested_by_id = models.CharField(max_length=40)
    requested_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.WAITING
    )
    resolved_by = models.CharField(max_length=200, blank=True)
    resolved_by_id = models.CharField(max_length=40, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-requested_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "target_id"],
                condition=Q(status="waiting"),
                name="one_waiting_change_per_target",
            ),
            models.CheckConstraint(
                condition=Q(status="waiting") ^ Q(resolved_at__isnull=False),
                name="change_resolved_with_its_time",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "expires_at"], name="change_due"),
            models.Index(fields=["owner_id", "requested_at"], name="change_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.target_label}"
