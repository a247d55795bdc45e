"""The append-only log and its seal. Triggers of the migrations refuse every change."""

from __future__ import annotations

from django.db import models

from audit.base.ids import PrefixedIdField, TransactionIdField


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
    xact_id = TransactionIdField(
        help_text="The database transaction that wrote the row; null in older ones."
    )

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


class AuditLeaf(models.Model):
    """An event's place in the sealed log: the n-th leaf of its Merkle tree."""

    index = models.BigIntegerField(primary_key=True, help_text="From 0, without gaps.")
    event_id = models.CharField(max_length=30, unique=True, db_collation="C")
    occurred_at = models.DateTimeField(help_text="Of the event: finds its partition.")
    hash = models.BinaryField(help_text="SHA-256 of 0x00 and the canonical event.")

    class Meta:
        ordering = ["index"]

    def __str__(self) -> str:
        return f"{self.index}: {self.event_id}"


class AuditNode(models.Model):
    """The root over 2^level leaves, kept at every eighth level for quick proofs."""

    pk = models.CompositePrimaryKey("level", "number")
    level = models.SmallIntegerField()
    number = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        ordering = ["level", "number"]

    def __str__(self) -> str:
        return f"{self.number} at level {self.level}"


class Checkpoint(models.Model):
    """A signed statement of the log's size and root; its copies are outside of here."""

    number = models.BigIntegerField(
        primary_key=True, help_text="From 1, without gaps, as outside."
    )
    size = models.BigIntegerField(help_text="Sealed events.")
    root = models.BinaryField()
    time = models.DateTimeField()
    note = models.TextField(help_text="The signed note (C2SP), word for word.")

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.number}: {self.size} events"


class ReaderCursor(models.Model):
    """How far one reader of the sealed log has come."""

    name = models.CharField(primary_key=True, max_length=32)
    index = models.BigIntegerField(
        default=0, help_text="Of the first event that it has not dealt with."
    )
    read_at = models.DateTimeField(help_text="When it last looked for more (UTC).")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name}: {self.index}"


class SavedFilter(models.Model):
    """A filter of the log's list that a person keeps for themselves."""

    id = PrefixedIdField("flt")
    person_id = models.CharField(max_length=40)
    name = models.CharField(max_length=60)
    query = models.CharField(
        max_length=2000, help_text="As in the address of the list."
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["person_id", "name"], name="one_filter_of_a_name_per_person"
            )
        ]

    def __str__(self) -> str:
        return self.name
