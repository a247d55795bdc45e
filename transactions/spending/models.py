"""Transactions."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from agents.models import Agent, AgentCredential
from audit.base.ids import PrefixedIdField


class Transaction(models.Model):
    """An agent's request to spend, from the decision to the last capture.

    A trigger refuses DELETE, and UPDATE of columns other than `status` and
    `expires_at`.
    """

    class Status(models.TextChoices):
        DECLINED = "declined"
        PENDING_APPROVAL = "pending_approval"
        AUTHORIZED = "authorized"
        PARTIALLY_CAPTURED = "partially_captured"
        CAPTURED = "captured"
        VOIDED = "voided"
        EXPIRED = "expired"
        CANCELED = "canceled"

    id = PrefixedIdField("txn")
    # No index of its own: transaction_agent starts with this column.
    agent = models.ForeignKey(
        Agent, models.PROTECT, related_name="transactions", db_index=False
    )
    credential = models.ForeignKey(
        AgentCredential, models.PROTECT, related_name="+", help_text="Which asked."
    )
    status = models.CharField(max_length=20, choices=Status.choices)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    merchant = models.CharField(max_length=200)
    merchant_key = models.CharField(max_length=200)
    category = models.CharField(max_length=40, blank=True)
    merchant_country = models.CharField(
        max_length=2, blank=True, default="", help_text="ISO 3166-1 alpha-2."
    )
    mcc = models.CharField(
        "merchant category code",
        max_length=4,
        blank=True,
        default="",
        help_text="ISO 18245.",
    )
    unknown_category = models.CharField(
        max_length=40,
        blank=True,
        default="",
        help_text="As the agent wrote it, where it is none of ours: then `other`.",
    )
    description = models.CharField(max_length=1000, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    occurred_at = models.DateTimeField(help_text="The clock of the decision.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(
        null=True, help_text="When money set aside is given back unless taken."
    )

    class Meta:
        ordering = ["-created_at", "-id"]
        permissions = [
            ("approve_transaction", "Can approve held transactions"),
            ("report_capture", "Can report what the payment rail took late"),
            ("give_back", "Can void and refund in an agent's place"),
        ]
        indexes = [
            models.Index(fields=["agent", "-created_at"], name="transaction_agent"),
            models.Index(fields=["status", "created_at"], name="transaction_status"),
            # For people's lists and shared budgets, which read many agents by time.
            models.Index(fields=["-created_at", "-id"], name="transaction_newest"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="transaction_amount_positive"
            ),
            models.CheckConstraint(
                condition=Q(merchant_country__regex=r"^([A-Z]{2})?$"),
                name="transaction_country_two_capitals",
            ),
            models.CheckConstraint(
                condition=Q(mcc__regex=r"^([0-9]{4})?$"),
                name="transaction_mcc_four_digits",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
