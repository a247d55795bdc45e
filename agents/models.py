"""Agents, what they may do, how they prove who they are, what they may call."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from agents.policy.core.approval_levels import DEFAULT_MINUTES
from audit.base.ids import PrefixedIdField
from security.encryption.fields import EncryptedTextField


class Agent(models.Model):
    """A program that asks to spend and to call functions for its owner.

    Its row is what decisions lock: at most one decision per agent is under way.
    """

    class Mode(models.TextChoices):
        LIVE = "live"
        TEST = "test", "Test (own clock, no live budgets)"

    id = PrefixedIdField("agt")
    name = models.CharField(max_length=100)
    mode = models.CharField(max_length=4, choices=Mode.choices, default=Mode.LIVE)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="agents"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="created_agents"
    )
    is_active = models.BooleanField(default=True)
    policy_version = models.ForeignKey(
        "PolicyVersion",
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        help_text="The version in force. Without one nothing is allowed.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"], name="agent_name_once_per_owner"
            )
        ]

    def __str__(self) -> str:
        return self.name


class AgentHandOver(models.Model):
    """An agent went from one owner to another. History: a trigger refuses changes.

    The former owner and the requester cannot decide on the agent's requests.
    """

    agent = models.ForeignKey(Agent, models.PROTECT, related_name="hand_overs")
    from_owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    to_owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        help_text="Who asked for it.",
    )
    agreed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="The second person; empty: one person runs the platform.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.agent_id} to {self.to_owner_id}"


class AgentCredential(models.Model):
    """A client id with its hashed secret, and the key that verifies its signatures.

    With a public key (Ed25519) there is no signing secret, and not even we could sign
    in the agent's name.
    """

    id = PrefixedIdField("crd")
    agent = models.ForeignKey(Agent, models.PROTECT, related_name="credentials")
    secret_hash = models.CharField(max_length=64, editable=False)
    signing_secret = EncryptedTextField(
        blank=True, editable=False, help_text="HMAC-SHA256 key for signed requests."
    )
    public_key = models.CharField(
        max_length=44, blank=True, help_text="Ed25519, raw, in base64."
    )
    replaces = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        editable=False,
        related_name="successor",
        help_text="The credential that this one was rotated from.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        help_text="Knew the secrets, hence never approves what was asked with them.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def signature_algorithm(self) -> str:
        return "ed25519" if self.public_key else "hmac-sha256"


class PolicyVersion(models.Model):
    """One immutable version of an agent's limits; a change is a new version.

    A trigger refuses UPDATE and DELETE. Amounts are minor units of `currency`.
    """

    id = PrefixedIdField("pol")
    agent = models.ForeignKey(Agent, models.PROTECT, related_name="policy_versions")
    number = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    max_transaction_amount_minor = models.BigIntegerField()
    requires_approval_above_minor = models.BigIntegerField(
        null=True, help_text="Null: no amount needs a human."
    )
    daily_budget_minor = models.BigIntegerField(null=True, help_text="Null: none.")
    max_transactions_per_hour = models.PositiveIntegerField(
        null=True, help_text="Null: only the rate limits count."
    )
    allowed_merchants = ArrayField(
        models.CharField(max_length=200),
        null=True,
        help_text="Null: any merchant. Empty: none.",
    )
    blocked_categories = ArrayField(
        models.CharField(max_length=40), default=list, blank=True
    )
    allowed_functions = ArrayField(
        models.CharField(max_length=100),
        null=True,
        default=list,
        help_text="Null: any that only reads. Empty: none.",
    )
    requires_signature = models.BooleanField(
        default=False, help_text="Refuse requests that are not signed."
    )
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        help_text="IANA name; hours and calendar periods follow it.",
    )
    limits = models.JSONField(
        default=list, blank=True, help_text="Amounts and counts per period."
    )
    approval_levels = models.JSONField(
        default=list,
        blank=True,
        help_text="agents.core.approval_levels, in order.",
    )
    approval_expires_after_minutes = models.PositiveIntegerField(
        default=DEFAULT_MINUTES
    )
    approval_escalates_after_minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Null: never."
    )
    allowed_countries = ArrayField(
        models.CharField(max_length=2),
        null=True,
        help_text="ISO 3166-1 alpha-2. Null: any country. Empty: none.",
    )
    blocked_countries = ArrayField(
        models.CharField(max_length=2), default=list, blank=True
    )
    allowed_hours = models.JSONField(
        null=True,
        help_text="Days and minutes of the day in time_zone. Null: any. Empty: none.",
    )
    blocked_mcc_groups = ArrayField(
        models.CharField(max_length=40), default=list, blank=True
    )
    blocked_mccs = ArrayField(models.CharField(max_length=4), default=list, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    agreed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="The second person of what it allows; empty: granted alone.",
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["agent", "-number"]
        permissions = [
            ("change_policy", "Can give an agent a new policy version"),
            ("view_policy", "Can see an agent's policy"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["agent", "number"], name="policy_number_once_per_agent"
            ),
            models.CheckConstraint(
                condition=Q(max_transaction_amount_minor__gt=0),
                name="policy_maximum_positive",
            ),
            models.CheckConstraint(
                condition=Q(requires_approval_above_minor=None)
                | Q(
                    requires_approval_above_minor__gte=0,
                    requires_approval_above_minor__lte=F(
                        "max_transaction_amount_minor"
                    ),
                ),
                name="policy_approval_within_maximum",
            ),
            models.CheckConstraint(
                condition=Q(daily_budget_minor=None) | Q(daily_budget_minor__gte=0),
                name="policy_budget_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(approval_escalates_after_minutes=None)
                | Q(
                    approval_escalates_after_minutes__lt=F(
                        "approval_expires_after_minutes"
                    )
                ),
                name="policy_escalates_before_expiry",
            ),
            models.CheckConstraint(
                condition=~Q(time_zone=""), name="policy_time_zone_named"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent} v{self.number}"


class Function(models.Model):
    """A function that agents may ask to call, known by its name."""

    id = PrefixedIdField("fun")
    name = models.CharField(max_length=100, unique=True)
    description = models.CharField(max_length=500, blank=True)
    is_enabled = models.BooleanField(default=True)
    current_version = models.ForeignKey(
        "FunctionVersion", models.PROTECT, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class FunctionVersion(models.Model):
    """One immutable JSON Schema of a function's parameters, and what it can do."""

    class Effect(models.TextChoices):
        READ = "read"
        WRITE = "write"
        SEND = "send"
        ADMIN = "admin"

    id = PrefixedIdField("fnv")
    function = models.ForeignKey(Function, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    schema = models.JSONField(help_text="JSON Schema, draft 2020-12.")
    effect = models.CharField(max_length=5, choices=Effect.choices)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["function", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["function", "number"], name="function_number_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.function} v{self.number}"
