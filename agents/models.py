"""Agents, what they may do, how they prove who they are, what they may call."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.db.models.lookups import GreaterThan
from django.utils import timezone
from django.utils.functional import cached_property

from agents.policy.core.terms import PolicyTerms
from audit.base.core.codec import from_json
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

    A trigger refuses UPDATE and DELETE.
    """

    id = PrefixedIdField("pol")
    agent = models.ForeignKey(Agent, models.PROTECT, related_name="policy_versions")
    number = models.PositiveIntegerField()
    document = models.JSONField(
        help_text="The terms: audit.base.core.codec.as_json(PolicyTerms)."
    )
    digest = models.CharField(
        max_length=64,
        help_text="SHA-256 of what decisions read, as their records name it.",
    )
    # Asked with every request of an agent, in SQL.
    requires_signature = models.GeneratedField(
        expression=Cast(KT("document__requires_signature"), models.BooleanField()),
        output_field=models.BooleanField(),
        db_persist=True,
    )
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
                condition=Q(
                    document__has_keys=[
                        "max_transaction_amount_minor",
                        "requires_signature",
                    ],
                    requires_signature__isnull=False,
                )
                & Q(
                    GreaterThan(
                        Cast(
                            KT("document__max_transaction_amount_minor"),
                            models.BigIntegerField(),
                        ),
                        0,
                    )
                ),
                name="policy_maximum_positive",
            ),
            models.CheckConstraint(
                condition=Q(digest__regex="^[0-9a-f]{64}$"), name="policy_has_digest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent} v{self.number}"

    @cached_property
    def terms(self) -> PolicyTerms:
        """The limits that it sets."""
        return from_json(PolicyTerms, self.document)


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
