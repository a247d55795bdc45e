"""Function calls."""

from __future__ import annotations

from django.db import models

from agents.models import Agent, FunctionVersion
from audit.base.ids import PrefixedIdField


class FunctionCall(models.Model):
    """An agent's request to call a function, checked against the registry."""

    class Status(models.TextChoices):
        DECLINED = "declined"
        GRANTED = "granted"

    id = PrefixedIdField("fnc")
    agent = models.ForeignKey(Agent, models.PROTECT, related_name="function_calls")
    function = models.CharField(max_length=100, help_text="The name as asked.")
    function_version = models.ForeignKey(
        FunctionVersion, models.PROTECT, null=True, related_name="+"
    )
    parameters_digest = models.CharField(max_length=64)
    status = models.CharField(max_length=10, choices=Status.choices)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["agent", "-created_at"], name="call_agent"),
            # For people's lists, which read many agents by time.
            models.Index(fields=["-created_at", "-id"], name="call_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.function} ({self.id})"
