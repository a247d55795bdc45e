"""Messages are queued with the change and sent later, once, with patience."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection, transaction
from django.utils import timezone

from audit.base.errors import NotFound, NotPermitted
from audit.models import AuditEvent
from security.errors import TransitionRefused
from security.notifications.models import Notification, SecurityContact
from security.notifications.services.contacts import set_contact
from security.notifications.services.messages import (
    notify_contacts,
    purge_notifications,
    queue_notification,
    retry_notification,
    send_due_notifications,
)
from tests.people import SETUP

DOWN = "tests.security.mail_that_is_down.EmailBackend"


def queue(
    key: str = "k", subject: str = "Trouble", body: str = "Look."
) -> Notification:
    with transaction.atomic():
        message = queue_notification(
            recipient="lead@example.com", subject=subject, body=body, dedupe_key=key
        )
    assert message is not None
    return message


def make_due() -> None:
    Notification.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.django_db
def test_a_queued_message_is_sent_once():
    message = queue()
    assert mail.outbox == []

    assert send_due_notifications() == 1
    assert send_due_notifications() == 0

    assert [(m.to, m.subject) for m in mail.outbox] == [
        (["lead@example.com"], "Trouble")
    ]
    message.refresh_from_db()
    assert (message.status, message.attempts) == ("sent", 1)
    assert message.sent_at is not None
    told = AuditEvent.objects.filter(target_id=message.pk).order_by("id")
    assert [event.action for event in told] == [
        "notification.queued",
        "notification.sent",
    ]


@pytest.mark.django_db
def test_g2_a_message_carries_no_card_number_and_one_line_of_subject():
    queue(subject="Card\r\nBcc: x@example.com", body="4111 1111 1111 1111")

    send_due_notifications()

    assert mail.outbox[0].subject == "Card Bcc: x@example.com"
    assert mail.outbox[0].body == "****1111"


@pytest.mark.django_db
def test_the_same_key_is_queued_once():
    queue("alert:1")
    with transaction.atomic():
        again = queue_notification(
            recipient="lead@example.com", subject="s", body="b", dedupe_key="alert:1"
        )

    assert again is None
    assert Notification.objects.count() == 1


@pytest.mark.django_db
def test_a_message_dies_with_its_transaction():
    def change_that_fails() -> None:
        with transaction.atomic():
            queue_notification(
                recipient="lead@example.com", subject="s", body="b", dedupe_key="k"
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change_that_fails()

    assert Notification.objects.count() == 0
    assert send_due_notifications() == 0


@pytest.mark.django_db
def test_m3_a_failing_notifier_is_retried_after_1_2_4_and_8_minutes(settings):
    settings.EMAIL_BACKEND = DOWN
    message = queue()

    waits = []
    for attempt in range(1, 6):
        make_due()
        before = timezone.now()
        assert send_due_notifications() == 0
        message.refresh_from_db()
        assert message.attempts == attempt
        assert message.last_error == "ConnectionRefusedError: the mail server is down"
        waits.append(round((message.next_attempt_at - before).total_seconds() / 60))

    assert waits == [1, 2, 4, 8, 16]
    assert message.status == "failed"
    event = AuditEvent.objects.get(action="notification.failed")
    assert event.details["attempts"] == 5
    make_due()
    assert send_due_notifications() == 0


@pytest.mark.django_db
def test_a_message_is_not_sent_before_its_time(settings):
    settings.EMAIL_BACKEND = DOWN
    message = queue()
    assert send_due_notifications() == 0
    message.refresh_from_db()
    assert (message.status, message.attempts) == ("queued", 1)

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert send_due_notifications() == 0
    make_due()
    assert send_due_notifications() == 1


@pytest.mark.django_db
def test_messages_that_do_not_wait_are_forgotten_after_ninety_days():
    now, moment = timezone.now(), timedelta(microseconds=1)
    old = now - timedelta(days=90)
    for key, status, at in (
        ("sent", "sent", old - moment),
        ("failed", "failed", old - moment),
        ("waits", "queued", old - moment),
        ("young", "sent", old),
    ):
        message = queue(key)
        Notification.objects.filter(pk=message.pk).update(status=status, created_at=at)

    assert purge_notifications(now=now) == 2

    left = Notification.objects.values_list("dedupe_key", flat=True)
    assert {*left} == {"waits", "young"}


@pytest.mark.django_db
def test_a_message_of_a_clock_that_was_ahead_is_sent_all_the_same():
    queue()
    now = timezone.now()
    for wait, sent in ((timedelta(minutes=32), 0), (timedelta(minutes=34), 1)):
        Notification.objects.update(next_attempt_at=now + wait)
        assert send_due_notifications() == sent


@pytest.mark.django_db
def test_the_backup_is_told_when_the_primary_cannot_be_reached(settings):
    set_contact("primary", acting=SETUP, name="Lead", email="lead@example.com")
    set_contact("backup", acting=SETUP, name="Second", email="second@example.com")
    with transaction.atomic():
        notify_contacts(subject="Trouble", body="Look.", series="alert", key="1")
    settings.EMAIL_BACKEND = DOWN
    for _ in range(5):
        make_due()
        send_due_notifications()

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    make_due()
    assert send_due_notifications() == 1

    assert mail.outbox[0].to == ["second@example.com"]
    assert mail.outbox[0].body == "lead@example.com could not be reached.\n\nLook."


@pytest.mark.django_db
def test_o4_a_message_that_cannot_be_sent_does_not_hold_the_others():
    poison = queue("a")
    Notification.objects.filter(pk=poison.pk).update(recipient="a\nb@example.com")
    queue("b")

    assert send_due_notifications() == 1

    poison.refresh_from_db()
    assert poison.status == "queued"
    assert poison.last_error.partition(":")[0] == "BadHeaderError"


@pytest.mark.django_db
def test_without_a_primary_the_backup_is_told_and_without_both_nobody():
    with transaction.atomic():
        assert notify_contacts(subject="s", body="b", series="x", key="1") is None
    set_contact("backup", acting=SETUP, name="Second", email="second@example.com")

    with transaction.atomic():
        message = notify_contacts(subject="s", body="b", series="x", key="1")

    assert message is not None
    assert message.recipient == "second@example.com"


@pytest.mark.django_db
def test_a_failed_message_is_sent_again_by_who_may(alice, bob):
    message = queue()
    with pytest.raises(TransitionRefused):
        retry_notification(message.pk, acting=alice)
    Notification.objects.filter(pk=message.pk).update(status="failed", attempts=5)
    with pytest.raises(NotPermitted):
        retry_notification(message.pk, acting=bob)
    assert send_due_notifications() == 0

    retry_notification(message.pk, acting=alice)

    assert send_due_notifications() == 1


@pytest.mark.django_db
def test_contacts_are_changed_by_who_may_and_the_log_keeps_no_phone(alice, bob):
    set_contact("primary", acting=SETUP, name="Lead", email="lead@example.com")
    with pytest.raises(NotPermitted):
        set_contact("primary", acting=bob, name="Bob", email="bob@example.com")
    with pytest.raises(NotFound):
        set_contact("third", acting=alice, name="X", email="x@example.com")

    set_contact(
        "primary",
        acting=alice,
        name="Lead",
        email="new@example.com",
        phone="+1-555-0100",
    )

    person = SecurityContact.objects.get()
    assert (person.email, person.phone) == ("new@example.com", "+1-555-0100")
    event = AuditEvent.objects.filter(action="contact.updated").latest("id")
    assert event.details == {
        "changes": {
            "email": ["lead@example.com", "new@example.com"],
            "phone": "changed",
        }
    }


def test_two_workers_send_each_message_once(committed_db):
    for number in range(12):
        queue(f"k{number}", subject=f"Number {number}")
    barrier = threading.Barrier(2)
    sent: list[int] = []

    def work() -> None:
        barrier.wait()
        try:
            sent.append(send_due_notifications())
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sum(sent) == 12
    assert sorted(m.subject for m in mail.outbox) == sorted(
        f"Number {number}" for number in range(12)
    )
    assert Notification.objects.filter(status="sent", attempts=1).count() == 12
