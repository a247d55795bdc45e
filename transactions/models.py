"""What was asked, what was decided and why, who approved, what is set aside."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from agents.models import Agent, AgentCredential, FunctionVersion, PolicyVersion
from audit.ids import PrefixedIdField
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
    agent = models.ForeignKey(Agent, models.PROTECT, related_name="transactions")
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
    description = models.CharField(max_length=1000, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    occurred_at = models.DateTimeField(help_text="The clock of the decision.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(
        null=True, help_text="When money set aside is given back unless taken."
    )

    class Meta:
        ordering = ["-created_at", "-id"]
        permissions = [("approve_transaction", "Can approve held transactions")]
        indexes = [
            models.Index(fields=["agent", "-created_at"], name="transaction_agent"),
            models.Index(fields=["status", "created_at"], name="transaction_status"),
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
        indexes = [models.Index(fields=["agent", "-created_at"], name="call_agent")]

    def __str__(self) -> str:
        return f"{self.function} ({self.id})"


class Decision(models.Model):
    """A verdict with everything behind it. Immutable by trigger.

    `inputs` holds the frozen facts that decide() saw, `findings` all that it found.
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
        ]

    def __str__(self) -> str:
        return f"{self.outcome} ({self.id})"


class ApprovalRequest(models.Model):
    """A held transaction that waits for a human. Resolves once."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        APPROVED = "approved"
        DENIED = "denied"
        EXPIRED = "expired"
        CANCELED = "canceled"

    id = PrefixedIdField("apr")
    transaction = models.OneToOneField(
        Transaction, models.PROTECT, related_name="approval"
    )
    status = models.CharField(
        max_length=8, choices=Status.choices, default=Status.WAITING
    )
    action_digest = models.CharField(
        max_length=64, help_text="SHA-256 of exactly what the human is shown."
    )
    required_approvals = models.PositiveSmallIntegerField(default=1)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["status", "expires_at"], name="approval_due")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="waiting", resolved_at=None)
                | (~Q(status="waiting") & Q(resolved_at__isnull=False)),
                name="approval_resolved_with_its_time",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Budget(models.Model):
    """An agent's pot for one day (UTC): what is set aside and what was taken.

    `limit_minor` is the policy's at the last reservation; the constraint holds the
    sum under it whatever the interleaving.
    """

    id = PrefixedIdField("bud")
    agent = models.ForeignKey(Agent, models.PROTECT, related_name="budgets")
    currency = models.CharField(max_length=3)
    window_start = models.DateField()
    limit_minor = models.BigIntegerField(null=True)
    reserved_minor = models.BigIntegerField(default=0)
    posted_minor = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["-window_start"]
        constraints = [
            models.UniqueConstraint(
                fields=["agent", "currency", "window_start"],
                name="one_budget_per_window",
            ),
            models.CheckConstraint(
                condition=Q(reserved_minor__gte=0, posted_minor__gte=0),
                name="budget_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(limit_minor=None)
                | Q(
                    limit_minor__gte=models.F("reserved_minor")
                    + models.F("posted_minor")
                ),
                name="budget_within_limit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.window_start}"


class Reservation(models.Model):
    """Money set aside for one transaction. Resolves at most once."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        RELEASED = "released"

    transaction = models.OneToOneField(
        Transaction, models.PROTECT, primary_key=True, related_name="reservation"
    )
    budget = models.ForeignKey(Budget, models.PROTECT, related_name="reservations")
    amount_minor = models.BigIntegerField()
    status = models.CharField(
        max_length=8, choices=Status.choices, default=Status.ACTIVE
    )
    created_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="reservation_positive"
            )
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} for {self.transaction_id}"


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
    """How often an agent was allowed at a merchant, and what it asked for last."""

    agent = models.ForeignKey(Agent, models.PROTECT, related_name="merchants")
    merchant_key = models.CharField(max_length=200)
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
        return f"{self.agent_id} at {self.merchant_key}"


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
