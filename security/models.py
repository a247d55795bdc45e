"""The guard's own tables: locks, alerts, incidents, contacts, reviews, nonces."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from audit.base.ids import PrefixedIdField
from security.core.reviews import state_of
from security.errors import TargetRefused
from security.fields import EncryptedTextField


class ResourceLock(models.Model):
    """A stop button that is pressed: nothing is allowed for its target until released.

    The one truth about locks; decisions read it after they hold the agent's row.
    """

    class Kind(models.TextChoices):
        AGENT = "agent"
        USER = "user"
        MERCHANT = "merchant"
        FUNCTION = "function"
        EVERYTHING = "everything"

    id = PrefixedIdField("lck")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    target_id = models.CharField(max_length=200, blank=True)
    target_label = models.CharField(
        max_length=200, blank=True, help_text="Its name when it was locked."
    )
    reason = models.CharField(max_length=500)
    incident = models.ForeignKey(
        "Incident", models.PROTECT, null=True, blank=True, related_name="locks"
    )
    locked_by = models.CharField(max_length=200)
    locked_by_id = models.CharField(max_length=40)
    locked_at = models.DateTimeField(default=timezone.now)
    released_by = models.CharField(max_length=200, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    release_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-locked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "target_id"],
                condition=Q(released_at=None),
                name="one_live_lock_per_resource",
            ),
            models.CheckConstraint(
                condition=Q(kind="everything") ^ ~Q(target_id=""),
                name="all_but_everything_has_a_target",
                violation_error_message=TargetRefused.detail,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.target_label or self.target_id}".strip()


class ChangeRequest(models.Model):
    """A change that takes a second person's word, since it serves whoever asks for it.

    A trigger lets only its end be written, once. Payload and base are its kind's own
    words (security/changes.py); `changes` is what people read: name -> [old, new], or
    what a list gains and loses.
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


class RequestNonce(models.Model):
    """A signed request's nonce: once per key, for as long as its time is accepted."""

    key_id = models.CharField(max_length=64)
    nonce = models.CharField(max_length=128)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key_id", "nonce"], name="nonce_used_once")
        ]

    def __str__(self) -> str:
        return f"{self.key_id} {self.nonce}"


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
    """A message to a person, queued with the change it tells of and sent later."""

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
