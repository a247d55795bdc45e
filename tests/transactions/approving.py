"""Policies that take several people, and what tests about them share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from transactions.approvals.models import ApprovalRequest
from transactions.approvers.models import ApprovalDelegation
from transactions.approvers.services.delegations import create_delegation

TWO_PEOPLE = [{"above": "500.00", "approvals": 2, "role": "manager"}]
ADMINS = [{"above": "500.00", "approvals": 1, "role": "admin"}]


def delegate(
    delegator: User, to: User, *, days: float = 5, starts_at: Any = None
) -> ApprovalDelegation:
    """Let somebody decide in another's place, from now on unless it starts later."""
    return create_delegation(
        to.pk,
        starts_at=starts_at,
        ends_at=(starts_at or timezone.now()) + timedelta(days=days),
        reason="On holiday.",
        acting=delegator,
    )


def let_escalate(approval: ApprovalRequest) -> None:
    """Let the time after which a higher role decides have come a second ago."""
    at = timezone.now() - timedelta(seconds=1)
    ApprovalRequest.objects.filter(pk=approval.pk).update(escalates_at=at)
