"""The tables of one decision: as many rows as the product writes."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Agent(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE)
    name = models.CharField(max_length=100)
    is_active = models.BooleanField(default=True)
    currency = models.CharField(max_length=3, default="USD")
    max_amount = models.DecimalField(max_digits=12, decimal_places=2)
    approval_above = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    daily_budget = models.DecimalField(max_digits=12, decimal_places=2)
    max_per_hour = models.PositiveIntegerField()
    allowed_merchants = models.JSONField(null=True)
    blocked_categories = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.name


class Transaction(models.Model):
    agent = models.ForeignKey(Agent, models.PROTECT)
    status = models.CharField(max_length=20)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    merchant = models.CharField(max_length=200)
    category = models.CharField(max_length=40)
    description = models.CharField(max_length=1000, blank=True)
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["agent", "-created_at"]),
            models.Index(fields=["status", "created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} at {self.merchant}"


class Decision(models.Model):
    transaction = models.OneToOneField(Transaction, models.PROTECT)
    outcome = models.CharField(max_length=5)
    reasons = models.JSONField()
    inputs = models.JSONField()
    risk_score = models.FloatField()
    decided_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.outcome


class Budget(models.Model):
    agent = models.ForeignKey(Agent, models.PROTECT)
    day = models.DateField()
    reserved = models.DecimalField(max_digits=12, decimal_places=2, default=0)

    class Meta:
        unique_together = [("agent", "day")]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.day}"


class Reservation(models.Model):
    transaction = models.OneToOneField(Transaction, models.PROTECT)
    budget = models.ForeignKey(Budget, models.PROTECT)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.amount)


class Activity(models.Model):
    agent = models.OneToOneField(Agent, models.PROTECT)
    hour = models.DateTimeField(null=True)
    requests_in_hour = models.PositiveIntegerField(default=0)
    allowed = models.PositiveIntegerField(default=0)
    allowed_sum = models.DecimalField(max_digits=20, decimal_places=2, default=0)

    def __str__(self) -> str:
        return str(self.agent_id)


class MerchantActivity(models.Model):
    agent = models.ForeignKey(Agent, models.PROTECT)
    merchant = models.CharField(max_length=200)
    allowed = models.PositiveIntegerField(default=0)
    last_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    last_at = models.DateTimeField(null=True)

    class Meta:
        unique_together = [("agent", "merchant")]

    def __str__(self) -> str:
        return self.merchant


class IdempotencyRecord(models.Model):
    agent = models.ForeignKey(Agent, models.PROTECT)
    key = models.CharField(max_length=255)
    request = models.JSONField()
    response = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        unique_together = [("agent", "key")]

    def __str__(self) -> str:
        return self.key


class AuditEvent(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    action = models.CharField(max_length=64)
    target = models.CharField(max_length=64)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    details = models.JSONField(default=dict)
    occurred_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["action", "occurred_at"]),
            models.Index(fields=["target", "occurred_at"]),
            models.Index(fields=["user", "occurred_at"]),
        ]

    def __str__(self) -> str:
        return self.action
