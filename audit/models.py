"""The append-only log. The table is partitioned and guarded in the first migration."""

from __future__ import annotations

from django.db import models

from audit.ids import PrefixedIdField


class AuditEvent(models.Model):
    """One fact. Plain columns, no foreign keys: nothing elsewhere can rewrite it."""

    class Outcome(models.TextChoices):
        SUCCESS = "success"
        FAILURE = "failure"
        REFUSED = "refused"

    id = PrefixedIdField("evt")
    occurred_at = models.DateTimeField(help_text="When the row was written (UTC).")
    action = models.CharField(max_length=64)
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=40, blank=True)
    actor_label = models.CharField(max_length=200, blank=True)
    owner_id = models.CharField(
        max_length=40,
        blank=True,
        help_text="The person whose data this is about; cuts the log to own or team.",
    )
    target_kind = models.CharField(max_length=32, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    target_label = models.CharField(max_length=200, blank=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict)

    class Meta:
        ordering = ["-occurred_at", "-id"]
        permissions = [("export_auditevent", "Can export audit events")]
        indexes = [
            models.Index(fields=["action", "occurred_at"], name="audit_action_time"),
            models.Index(fields=["target_id", "occurred_at"], name="audit_target_time"),
            models.Index(fields=["actor_id", "occurred_at"], name="audit_actor_time"),
            models.Index(fields=["owner_id", "occurred_at"], name="audit_owner_time"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_label or self.actor_kind}"
