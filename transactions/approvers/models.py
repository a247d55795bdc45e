"""Delegations, and approvers' own limits."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from audit.base.ids import PrefixedIdField


class ApprovalDelegation(models.Model):
    """For a period the delegate decides in the delegator's place, with their rights.

    It is valid only while both are in the teams that they were in at its creation.
    """

    id = PrefixedIdField("dlg")
    delegator = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="delegations_given"
    )
    delegate = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="delegations_received"
    )
    delegator_team = models.ForeignKey(
        "accounts.Team",
        models.SET_NULL,
        null=True,
        related_name="+",
        editable=False,
        db_index=False,
    )
    delegate_team = models.ForeignKey(
        "accounts.Team",
        models.SET_NULL,
        null=True,
        related_name="+",
        editable=False,
        db_index=False,
    )
    reason = models.CharField(max_length=500)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")), name="delegation_has_a_time"
            ),
            models.CheckConstraint(
                condition=~Q(delegator=F("delegate")), name="delegation_to_another"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at=None) ^ Q(revoked_by__isnull=False),
                name="delegation_revoked_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.delegate} for {self.delegator}"

    @property
    def is_void(self) -> bool:
        """Whether one of the two has changed teams since; then it grants nothing."""
        then = (self.delegator_team_id, self.delegate_team_id)
        return then != (self.delegator.team_id, self.delegate.team_id)


class ApproverLimit(models.Model):
    """The highest amount that a person may approve; no row means no personal limit.

    Amounts in different currencies are never compared: a person with a limit in one
    currency cannot approve amounts in another.
    """

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        primary_key=True,
        related_name="approver_limit",
    )
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gte=0), name="approver_limit_not_negative"
            )
        ]

    def __str__(self) -> str:
        return f"Limit of {self.person}"
