"""What an agent and its merchants did lately: the counters behind a score."""

from __future__ import annotations

from django.db import models

from agents.models import Agent


class AgentActivity(models.Model):
    """Rolling counters of one agent, so that no decision reads its history."""

    agent = models.OneToOneField(
        Agent, models.PROTECT, primary_key=True, related_name="activity"
    )
    minute = models.DateTimeField(help_text="Start of the newest minute counted.")
    requests_by_minute = models.JSONField(help_text="61 counts, the newest last.")
    just_below_by_minute = models.JSONField(
        help_text="61 sums allowed just below the approval limit, in minor units."
    )
    allowed_count = models.PositiveBigIntegerField()
    allowed_sum_minor = models.DecimalField(max_digits=30, decimal_places=0)
    allowed_sum_of_squares = models.DecimalField(max_digits=50, decimal_places=0)
    requests_by_hour_of_day = models.JSONField(help_text="24 counts, UTC.")
    last_request_at = models.DateTimeField()
    waiting_approvals = models.PositiveIntegerField(default=0)
    recent = models.JSONField(
        default=list, help_text="The last 8 requests that were allowed or held."
    )

    class Meta:
        verbose_name_plural = "agent activity"

    def __str__(self) -> str:
        return str(self.agent_id)


class MerchantActivity(models.Model):
    """An agent's history at a merchant: the allowed count, and its last request."""

    agent = models.ForeignKey(Agent, models.PROTECT, related_name="merchants")
    merchant_key = models.CharField(max_length=200)
    merchant = models.CharField(
        max_length=200, blank=True, default="", help_text="As it was asked for last."
    )
    skeleton = models.TextField(
        blank=True, default="", help_text="What names that look alike share."
    )
    allowed_count = models.PositiveBigIntegerField()
    last_amount_minor = models.BigIntegerField()
    last_request_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "merchant activity"
        constraints = [
            models.UniqueConstraint(
                fields=["agent", "merchant_key"], name="one_row_per_merchant"
            )
        ]
        indexes = [models.Index(fields=["agent", "skeleton"], name="merchant_look")]

    def __str__(self) -> str:
        return f"{self.agent_id} at {self.merchant or self.merchant_key}"
