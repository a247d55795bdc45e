"""Decisions, and the answers that an Idempotency-Key repeats."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from agents.models import Agent, PolicyVersion
from audit.base.ids import PrefixedIdField
from transactions.calls.models import FunctionCall
from transactions.decisions.core.outcome import Outcome
from transactions.spending.models import Transaction


class Decision(models.Model):
    """A verdict with its inputs and findings. Immutable by trigger.

    `inputs` holds the frozen facts that decide() saw, `findings` all its findings, and
    `digest` binds the whole record (core.record). Old rows have neither digest nor
    engine version.
    """

    id = PrefixedIdField("dec")
    transaction = models.OneToOneField(
        Transaction, models.PROTECT, null=True, related_name="decision"
    )
    function_call = models.OneToOneField(
        FunctionCall, models.PROTECT, null=True, related_name="decision"
    )
    outcome = models.CharField(
        max_length=5, choices=[(outcome.value, outcome.value) for outcome in Outcome]
    )
    findings = models.JSONField()
    inputs = models.JSONField()
    risk_bp = models.PositiveIntegerField(null=True, help_text="Basis points, 0–10000.")
    risk_factors_bp = models.JSONField(default=dict)
    policy_version = models.ForeignKey(
        PolicyVersion, models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField()
    engine_version = models.PositiveSmallIntegerField(
        null=True, help_text="Of the rules that decided."
    )
    digest = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the whole record."
    )

    class Meta:
        ordering = ["-decided_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(transaction=None) ^ Q(function_call=None),
                name="decision_on_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(risk_bp=None) | Q(risk_bp__lte=10_000),
                name="decision_risk_in_basis_points",
            ),
            models.CheckConstraint(
                condition=Q(engine_version=None, digest="")
                | Q(engine_version__isnull=False, digest__regex="^[0-9a-f]{64}$"),
                name="decision_digest_with_its_engine",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} ({self.id})"


class IdempotencyRecord(models.Model):
    """The answer to an Idempotency-Key, stored so that a repeat gets the same one."""

    agent = models.ForeignKey(Agent, models.PROTECT, related_name="+")
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    status_code = models.PositiveSmallIntegerField()
    response = models.TextField(help_text="JSON, byte for byte as answered.")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["agent", "key"], name="idempotency_key_once_per_agent"
            )
        ]

    def __str__(self) -> str:
        return self.key
