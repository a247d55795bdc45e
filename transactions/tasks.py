"""Periodic jobs. Expiry is checked at use as well; these only make it visible."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from transactions.approvals.services import notices
from transactions.approvals.services.times import (
    escalate_due_approvals,
    expire_due_approvals,
)
from transactions.decisions.services import retention
from transactions.spending.services.lifecycle import expire_due_authorizations


@shared_task(name="transactions.tasks.expire_approvals")
def expire_approvals() -> int:
    """Expire approval requests that nobody decided in time."""
    return expire_due_approvals(now=timezone.now())


@shared_task(name="transactions.tasks.escalate_approvals")
def escalate_approvals() -> int:
    """Record which approval requests escalated to the next higher role."""
    return escalate_due_approvals(now=timezone.now())


@shared_task(name="transactions.tasks.notify_approvers")
def notify_approvers() -> int:
    """Queue messages about waiting requests to the people who may decide."""
    return notices.notify_approvers(now=timezone.now())


@shared_task(name="transactions.tasks.expire_authorizations")
def expire_authorizations() -> int:
    """Give back money that nobody captured in time."""
    return expire_due_authorizations(now=timezone.now())


@shared_task(name="transactions.tasks.retire_idempotency_records")
def retire_idempotency_records() -> int:
    """Delete stored answers whose retention has ended."""
    return retention.retire_idempotency_records(now=timezone.now())
