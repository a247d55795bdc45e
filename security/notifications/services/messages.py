"""Messages to the security contacts: queued with the change, sent later.

Source: Security Considerations, "Emergency Contacts".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from audit.base.context import Principal, System, holds
from audit.base.core.clocks import CLOCK_TOLERANCE
from audit.base.core.masking import mask
from audit.base.errors import NotFound, NotPermitted
from audit.base.once import insert_once
from audit.base.purging import purge
from audit.services.recording import Outcome, record
from security.errors import TransitionRefused
from security.notifications.models import Notification, SecurityContact
from security.notifications.queries import contact

ACTOR = System("notifications")
MAX_ATTEMPTS = 5
MESSAGES_LAST = timedelta(days=90)
FIRST_DELAY = timedelta(minutes=1)
# What waits for longer was queued by a clock that was ahead.
LONGEST_DELAY = FIRST_DELAY * 2**MAX_ATTEMPTS
BATCH = 100
STORM_LIMIT = 20
STORM_WINDOW = timedelta(hours=1)
TO_BACKUP = ":backup"
Status = Notification.Status
Position = SecurityContact.Position


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this worker, and until the delay is over no other, may send."""

    id: str
    recipient: str
    subject: str
    body: str


def queue_notification(
    *, recipient: str, subject: str, body: str, dedupe_key: str
) -> Notification | None:
    """Queue a message in the caller's transaction; None if the key was queued before.

    Nothing is sent here. Subject and body are masked.
    """
    message = Notification(
        recipient=recipient,
        subject=mask(" ".join(subject.split()))[:200],
        body=mask(body),
        dedupe_key=dedupe_key,
    )
    if not insert_once(message):
        return None
    _record("notification.queued", message, {"subject": message.subject})
    return message


def notify_contacts(
    *, subject: str, body: str, series: str, key: str
) -> Notification | None:
    """Queue a message for the primary contact, or for the backup if there is none.

    As queue_in_series(); None, too, when no contact is configured.
    """
    person = contact(Position.PRIMARY) or contact(Position.BACKUP)
    if person is None:
        return None
    return queue_in_series(
        recipient=person.email,
        subject=subject,
        body=body,
        series=series,
        key=key,
        more=f"{settings.BASE_URL}/admin/security/",
    )


def queue_in_series(
    *, recipient: str, subject: str, body: str, series: str, key: str, more: str
) -> Notification | None:
    """Queue a message once per series and key; None if it was queued before.

    Of a series at most 20 an hour go out, so that a storm buries nobody; a last one
    says that there are more, and where (`more`). Each series has a cap of its own: a
    flood of what anybody can cause must not silence the rest.
    """
    now = timezone.now()
    newest = Notification.objects.filter(
        dedupe_key__startswith=f"{series}:",
        created_at__range=(now - STORM_WINDOW, now + CLOCK_TOLERANCE),
    )
    if newest.count() >= STORM_LIMIT:
        subject = f"More than {STORM_LIMIT} messages ({series}) within an hour"
        body = f"Further ones are held back. See {more}"
        series, key = "storm", f"{series}:{now:%Y-%m-%dT%H}"
    return queue_notification(
        recipient=recipient,
        subject=subject,
        body=body,
        dedupe_key=f"{series}:{key}",
    )


def send_due_notifications() -> int:
    """Send what is due, oldest first, and return how many were sent.

    A row is claimed in a transaction of its own, the mail is sent outside of any, and
    the result is written down in a third: workers never send the same claim, and one
    that dies in between leaves a row that is due again after its delay. So a message
    goes out at least once.
    """
    sent = 0
    for _ in range(BATCH):
        claim = _claim(timezone.now())
        if claim is None:
            break
        error = _send(claim)
        if error is None:
            _mark_sent(claim.id)
            sent += 1
        else:
            _mark_failed(claim.id, error)
    return sent


def retry_notification(notification_id: str, *, acting: Principal) -> Notification:
    """Queue a failed message again. Takes security.change_notification.

    Raises NotPermitted, NotFound, TransitionRefused for one that has not failed.
    """
    if not holds(acting, "security.change_notification"):
        raise NotPermitted
    with transaction.atomic(durable=True):
        messages = Notification.objects.select_for_update()
        message = messages.filter(pk=notification_id).first()
        if message is None:
            raise NotFound
        if message.status != Status.FAILED:
            raise TransitionRefused("Only a failed message can be sent again.")
        message.status, message.attempts = Status.QUEUED, 0
        message.next_attempt_at = timezone.now()
        message.save(update_fields=["status", "attempts", "next_attempt_at"])
        details: dict[str, object] = {"subject": message.subject, "is_retry": True}
        _record("notification.queued", message, details, actor=acting)
    return message


def purge_notifications(*, now: datetime) -> int:
    """Forget messages of more than 90 days ago that do not wait; return how many."""
    old = Notification.objects.filter(created_at__lt=now - MESSAGES_LAST)
    return purge(old.exclude(status=Status.QUEUED))


def delay_after(attempts: int) -> timedelta:
    """Return how long to wait after a number of attempts: 1, 2, 4, 8 … minutes."""
    return FIRST_DELAY * int(2 ** (attempts - 1))


def _claim(now: datetime) -> Claim | None:
    with transaction.atomic(durable=True):
        message = (
            Notification.objects.select_for_update(skip_locked=True)
            .filter(status=Status.QUEUED)
            .exclude(next_attempt_at__gt=now, next_attempt_at__lte=now + LONGEST_DELAY)
            .order_by("next_attempt_at", "id")
            .first()
        )
        if message is None:
            return None
        message.attempts += 1
        message.next_attempt_at = now + delay_after(message.attempts)
        message.save(update_fields=["attempts", "next_attempt_at"])
        return Claim(message.pk, message.recipient, message.subject, message.body)


def _send(claim: Claim) -> str | None:
    """Send one mail; returns what went wrong, or None."""
    mail = EmailMessage(
        claim.subject, claim.body, settings.DEFAULT_FROM_EMAIL, [claim.recipient]
    )
    try:
        mail.send()
    except Exception as error:  # noqa: BLE001 - one poison message must not stop the rest.
        return f"{type(error).__name__}: {error}"
    return None


def _mark_sent(notification_id: str) -> None:
    with transaction.atomic(durable=True):
        queued = Notification.objects.filter(pk=notification_id, status=Status.QUEUED)
        if queued.update(status=Status.SENT, sent_at=timezone.now(), last_error=""):
            message = Notification.objects.get(pk=notification_id)
            _record("notification.sent", message, {"attempts": message.attempts})


def _mark_failed(notification_id: str, error: str) -> None:
    """Store the error; after the last attempt give up and notify the backup."""
    with transaction.atomic(durable=True):
        message = Notification.objects.select_for_update().get(pk=notification_id)
        if message.status != Status.QUEUED:
            return
        message.last_error = mask(error)[:500]
        if message.attempts >= MAX_ATTEMPTS:
            message.status = Status.FAILED
        message.save(update_fields=["last_error", "status"])
        if message.status == Status.FAILED:
            details = {"error": message.last_error, "attempts": message.attempts}
            _record("notification.failed", message, details, Outcome.FAILURE)
            _tell_backup(message)


def _tell_backup(failed: Notification) -> None:
    backup = contact(Position.BACKUP)
    if backup is None or backup.email == failed.recipient:
        return
    if not failed.dedupe_key.endswith(TO_BACKUP):
        queue_notification(
            recipient=backup.email,
            subject=failed.subject,
            body=f"{failed.recipient} could not be reached.\n\n{failed.body}",
            dedupe_key=failed.dedupe_key[: 100 - len(TO_BACKUP)] + TO_BACKUP,
        )


def _record(
    action: str,
    message: Notification,
    details: dict[str, object],
    outcome: str = Outcome.SUCCESS,
    *,
    actor: Principal = ACTOR,
) -> None:
    record(
        action,
        target=("notification", message.pk, message.subject),
        outcome=outcome,
        details={"channel": message.channel, **details},
        actor=actor,
    )
