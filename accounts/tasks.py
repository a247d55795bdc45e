"""Jobs about people. Idempotent: of two links in two mails only one counts."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from accounts.services import retention
from accounts.services.password_reset import mail_password_reset


@shared_task
def send_password_reset(email: str) -> None:
    """Mail a link to the person with that address, if there is one."""
    mail_password_reset(email)


@shared_task
def purge_sign_ins() -> None:
    """Forget sign-ins that ended long ago."""
    retention.purge_sign_ins(now=timezone.now())


@shared_task
def purge_failed_sign_ins() -> None:
    """Forget failures that lock nobody out any more."""
    retention.purge_failed_sign_ins(now=timezone.now())
