"""Jobs about people. Idempotent: of two links in two mails only one counts."""

from __future__ import annotations

from celery import shared_task

from accounts.services import mail_password_reset


@shared_task
def send_password_reset(email: str) -> None:
    """Mail a link to whoever has that address, if anybody has."""
    mail_password_reset(email)
