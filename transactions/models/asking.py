"""What was asked, and what was decided and why."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from agents.models import Agent, AgentCredential, FunctionVersion, PolicyVersion
from audit.base.ids import PrefixedIdField
from transactions.core.outcome import Outcome


class Transaction(models.Model):
    """An agent's ask to spend, with its whole life.

    A trigger refuses DELETE, and UPDATE of anything but `status` and `expires_at`.
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
    # Without an index of its own: transaction_agent begins with it.
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
            # What people's lists and shared budgets read: of many agents, by time.
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


class FunctionCall(models.Model):
    """An agent's ask to call a function, checked against the registry."""

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
            # What people's lists read: of many agents, by time.
            models.Index(fields=["-created_at", "-id"], name="call_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.function} ({self.id})"


class Decision(models.Model):
    """A verdict with everything behind it. Immutable by trigger.

    `inputs` holds the frozen facts that decide() saw, `findings` all that it found,
    `digest` binds all of it (core.record). Rows from before have neither digest nor
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
    """The answer given to a key, kept so that a repeat gets the same one."""

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
