"""Requests for approval, and the votes on them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from agents.models import PolicyVersion
from agents.policy.core.approval_levels import BASE
from audit.base.ids import PrefixedIdField
from transactions.approvers.models import ApprovalDelegation


class ApprovalRequest(models.Model):
    """The request to people to decide on a held transaction. Resolves once.

    The policy in force at its creation fixes what it requires.
    """

    class Status(models.TextChoices):
        WAITING = "waiting"
        APPROVED = "approved"
        DENIED = "denied"
        EXPIRED = "expired"
        CANCELED = "canceled"

    id = PrefixedIdField("apr")
    transaction = models.OneToOneField(
        "transactions.Transaction", models.PROTECT, related_name="approval"
    )
    status = models.CharField(
        max_length=8, choices=Status.choices, default=Status.WAITING
    )
    action_digest = models.CharField(
        max_length=64, help_text="SHA-256 of exactly what the human is shown."
    )
    required_approvals = models.PositiveSmallIntegerField(default=1)
    required_role = models.CharField(
        max_length=8, default=BASE.role, help_text="The least; before it escalates."
    )
    expires_at = models.DateTimeField()
    escalates_at = models.DateTimeField(
        null=True, help_text="From here on the next higher role decides."
    )
    escalated_at = models.DateTimeField(
        null=True, help_text="When that was noted and told."
    )
    notice_due_at = models.DateTimeField(
        null=True, help_text="When those who may decide are told next."
    )
    created_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [
            models.Index(fields=["status", "expires_at"], name="approval_due"),
            models.Index(
                fields=["notice_due_at"],
                condition=Q(status="waiting", notice_due_at__isnull=False),
                name="approval_notice_due",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="waiting", resolved_at=None)
                | (~Q(status="waiting") & Q(resolved_at__isnull=False)),
                name="approval_resolved_with_its_time",
            ),
            models.CheckConstraint(
                condition=Q(required_approvals__gte=1),
                name="approval_needs_somebody",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class ApprovalVote(models.Model):
    """One person's approval of a held transaction. Immutable by trigger.

    It is bound to the action and to the policy version in force at that time. Under
    another version it no longer counts, and the same person may approve again.
    """

    id = PrefixedIdField("apv")
    approval = models.ForeignKey(ApprovalRequest, models.PROTECT, related_name="votes")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    delegation = models.ForeignKey(
        ApprovalDelegation,
        models.PROTECT,
        null=True,
        related_name="votes",
        help_text="In whose place, if not in their own right.",
    )
    action_digest = models.CharField(max_length=64)
    policy_version = models.ForeignKey(PolicyVersion, models.PROTECT, related_name="+")
    required_role = models.CharField(
        max_length=8, help_text="The least that could decide at the time."
    )
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["approval", "person", "policy_version"],
                name="one_vote_per_person",
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id} on {self.approval_id}"
