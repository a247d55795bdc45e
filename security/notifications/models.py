"""Messages to people."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from audit.base.ids import PrefixedIdField
from security.encryption.fields import EncryptedTextField


class SecurityContact(models.Model):
    """Whom to call, in order: primary first, then backup."""

    class Position(models.TextChoices):
        PRIMARY = "primary"
        BACKUP = "backup"

    id = PrefixedIdField("con")
    position = models.CharField(max_length=8, choices=Position.choices, unique=True)
    name = models.CharField(max_length=200)
    email = models.EmailField()
    phone = EncryptedTextField(blank=True, help_text="Encrypted at rest.")

    class Meta:
        ordering = ["-position"]

    def __str__(self) -> str:
        return f"{self.name} ({self.position})"


class Notification(models.Model):
    """A message to a person, queued with the change that it reports and sent later."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        SENT = "sent"
        FAILED = "failed"

    id = PrefixedIdField("ntf")
    channel = models.CharField(max_length=16, default="email")
    recipient = models.EmailField()
    subject = models.CharField(max_length=200)
    body = models.TextField()
    dedupe_key = models.CharField(max_length=100, unique=True)
    status = models.CharField(
        max_length=8, choices=Status.choices, default=Status.QUEUED
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    last_error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["status", "next_attempt_at"], name="notification_due")
        ]

    def __str__(self) -> str:
        return self.subject
