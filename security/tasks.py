"""Jobs of the guard. Each may be delivered twice or late; the rows make it once."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from security import services, signed_requests


@shared_task
def check_security_alerts() -> None:
    """Raise the alerts of this hour, and of what was sealed since the last run."""
    now = timezone.now()
    services.check_alerts(now=now)
    services.check_sealing(now=now)


@shared_task
def detect_security_incidents() -> None:
    """Open incidents of the last hour, and of what was sealed since the last run."""
    services.detect_incidents(now=timezone.now())


@shared_task
def respond_to_incidents() -> None:
    """Do the response steps that wait."""
    services.respond_to_incidents()


@shared_task
def send_notifications() -> None:
    """Send the messages that are due."""
    services.send_due_notifications()


@shared_task
def open_due_reviews() -> None:
    """Open the reviews of the running week, month, quarter and year."""
    services.open_due_reviews(now=timezone.now())


@shared_task
def expire_change_requests() -> None:
    """Expire the changes that no second person agreed to in time."""
    services.expire_due_changes(now=timezone.now())


@shared_task
def purge_notifications() -> None:
    """Forget messages that were sent, or given up, long ago."""
    services.purge_notifications(now=timezone.now())


@shared_task
def purge_nonces() -> None:
    """Forget the nonces of signatures that are too old to be accepted anyway."""
    signed_requests.purge_nonces(now=timezone.now())
