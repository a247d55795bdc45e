"""Jobs that tidy: expiry is tested at use, these only make it visible."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from transactions import services


@shared_task(name="transactions.tasks.expire_approvals")
def expire_approvals() -> int:
    """Expire approval requests that nobody decided in time."""
    return services.expire_due_approvals(now=timezone.now())


@shared_task(name="transactions.tasks.expire_authorizations")
def expire_authorizations() -> int:
    """Give back money that nobody took in time."""
    return services.expire_due_authorizations(now=timezone.now())
