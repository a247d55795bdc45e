"""What waits for a human, and what the human said."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from audit.ids import PrefixedIdField
from transactions.models.asking import Transaction


class ApprovalRequest(models.Model):
    """A held transaction that waits for a human. Resolves once."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        APPROVED = "approved"
        DENIED = "denied"
        EXPIRED = "expired"
        CANCELED = "canceled"

    id = PrefixedIdField("apr")
    transaction = models.OneToOneField(
        Transaction, models.PROTECT, related_name="approval"
    )
    status = models.CharField(
        max_length=8, choices=Status.choices, default=Status.WAITING
    )
    action_digest = models.CharField(
        max_length=64, help_text="SHA-256 of exactly what the human is shown."
    )
    required_approvals = models.PositiveSmallIntegerField(default=1)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["status", "expires_at"], name="approval_due")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="waiting", resolved_at=None)
                | (~Q(status="waiting") & Q(resolved_at__isnull=False)),
                name="approval_resolved_with_its_time",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
