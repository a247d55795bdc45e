"""Periodic jobs. Each may run twice or late; the rows prevent a double effect."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from security.alerts.services import check_alerts, check_sealing
from security.changes.services import expire_due_changes
from security.incidents import services as incidents_services
from security.notifications.services import messages
from security.reviews import services as reviews_services
from security.signing import requests as signed_requests


@shared_task
def check_security_alerts() -> None:
    """Raise the alerts of this hour, and of what was sealed since the last run."""
    now = timezone.now()
    check_alerts(now=now)
    check_sealing(now=now)


@shared_task
def detect_security_incidents() -> None:
    """Open incidents of the last hour, and of what was sealed since the last run."""
    incidents_services.detect_incidents(now=timezone.now())


@shared_task
def respond_to_incidents() -> None:
    """Do the response steps that wait."""
    incidents_services.respond_to_incidents()


@shared_task
def send_notifications() -> None:
    """Send the messages that are due."""
    messages.send_due_notifications()


@shared_task
def open_due_reviews() -> None:
    """Open the reviews of the running week, month, quarter and year."""
    reviews_services.open_due_reviews(now=timezone.now())


@shared_task
def expire_change_requests() -> None:
    """Expire the changes that no second person agreed to in time."""
    expire_due_changes(now=timezone.now())


@shared_task
def purge_notifications() -> None:
    """Forget messages that were sent, or given up, long ago."""
    messages.purge_notifications(now=timezone.now())


@shared_task
def purge_nonces() -> None:
    """Forget the nonces of signatures that are too old to be accepted anyway."""
    signed_requests.purge_nonces(now=timezone.now())
