"""The lock on a resource."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from audit.base.ids import PrefixedIdField
from security.errors import TargetRefused


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
