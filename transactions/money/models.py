"""Refunds and late captures."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from audit.base.ids import PrefixedIdField
from transactions.spending.models import Transaction


class Refund(models.Model):
    """Money that a merchant gave back; it frees no budget."""

    id = PrefixedIdField("ref")
    transaction = models.ForeignKey(Transaction, models.PROTECT, related_name="refunds")
    amount_minor = models.BigIntegerField()
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="refund_amount_positive"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class LateCapture(models.Model):
    """Money that the payment rail took after it was given back; reported once."""

    transaction = models.ForeignKey(
        Transaction, models.PROTECT, related_name="late_captures"
    )
    reference = models.CharField(max_length=100, help_text="The payment rail's own.")
    amount_minor = models.BigIntegerField()
    reported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["transaction", "reference"], name="late_capture_told_once"
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="late_capture_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} for {self.transaction_id}"


class LateCaptureReversal(models.Model):
    """The reversal, by a counter-entry, of a late capture that was reported wrongly."""

    late_capture = models.OneToOneField(
        LateCapture, models.PROTECT, primary_key=True, related_name="reversal"
    )
    reason = models.CharField(max_length=500)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "late_capture"]

    def __str__(self) -> str:
        return f"Reversal of {self.late_capture}"
