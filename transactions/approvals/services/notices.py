"""Notify people about requests that wait for them: queued here, sent by `security`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from accounts.models import User
from agents.policy.core.approval_levels import ROLES
from agents.policy.core.words import spoken_amount
from audit.base.core.visible import visible
from security.notifications.services.messages import notify_contacts, queue_in_series
from transactions.approvals.models import ApprovalRequest
from transactions.approvals.queries.approvals import approval_queue
from transactions.approvals.queries.waiting import nobody_decides
from transactions.approvers.core.levels import reminds_at

BATCH = 200


def notify_approvers(*, now: datetime) -> int:
    """Queue messages to the people who may decide on requests with a notice due.

    A notice is due once each when a request begins to wait, escalates, or has a quarter
    of its time left. Requests due for the same person are one message. Returns the
    number of queued messages. The security contacts get one if nobody may decide.

    Messages contain no merchant names, because outsiders choose those, and their links
    only show a page. Live agents only (records.py sets no time for others).
    """
    due = _due(now)
    if not due:
        return 0
    # Before any lock, because it takes several queries per person. A person who waits
    # for a lock held here would block all agents that share the budgets.
    recipients = _recipients(due, now)
    with transaction.atomic(durable=True):
        queued = sum(_queue(person, theirs, now) for person, theirs in recipients)
        reached = {approval.pk for _, theirs in recipients for approval in theirs}
        unreached = [one for one in due if one.pk not in reached]
        undecidable = nobody_decides([one.pk for one in unreached], now=now)
        for approval in unreached:
            if approval.expires_at > now:
                _notify_contacts(approval, is_undecidable=approval.pk in undecidable)
        if not _claim(due, now):
            transaction.set_rollback(True)
            return 0
    return queued


def _due(now: datetime) -> list[ApprovalRequest]:
    # The first notice is due immediately, even if the clock was ahead then.
    at_once = Q(notice_due_at=F("created_at")) | Q(notice_due_at=F("escalated_at"))
    waiting = ApprovalRequest.objects.filter(
        at_once | Q(notice_due_at__lte=now), status=ApprovalRequest.Status.WAITING
    )
    rows = waiting.select_related("transaction__agent")
    return list(rows.order_by("notice_due_at", "id")[:BATCH])


def _recipients(
    due: Sequence[ApprovalRequest], now: datetime
) -> list[tuple[User, list[ApprovalRequest]]]:
    """Return the people who may decide on due requests, each with their requests."""
    recipients = []
    people = User.objects.filter(is_active=True, role__in=ROLES).exclude(email="")
    for person in people.order_by("pk"):
        queue = approval_queue(person, now=now)
        ids = set(queue.filter(pk__in=due).values_list("pk", flat=True))
        if ids:
            recipients.append((person, [each for each in due if each.pk in ids]))
    return recipients


def _claim(due: Sequence[ApprovalRequest], now: datetime) -> bool:
    """Set the next notice times; False if another worker or an escalation did.

    Runs last before the commit, always in 2 queries, so that people who decide on one
    of the requests wait only briefly.
    """
    rows = ApprovalRequest.objects.select_for_update(no_key=True).filter(pk__in=due)
    stored = dict(rows.order_by("pk").values_list("pk", "notice_due_at"))
    if stored != {approval.pk: approval.notice_due_at for approval in due}:
        return False
    for approval in due:
        reminder = reminds_at(approval.created_at, approval.expires_at)
        approval.notice_due_at = reminder if now < reminder else None
    ApprovalRequest.objects.bulk_update(due, ["notice_due_at"])
    return True


def _queue(person: User, theirs: Sequence[ApprovalRequest], now: datetime) -> bool:
    lines = [_line(approval, now) for approval in theirs]
    message = queue_in_series(
        recipient=person.email,
        subject=_subject(theirs),
        body="\n\n".join((*lines, "If nobody decides, they expire unapproved.")),
        series=f"approvals-{person.pk}",
        key=_notice(theirs[0]),
        more=f"{settings.BASE_URL}/approvals/",
    )
    return message is not None


def _subject(theirs: Sequence[ApprovalRequest]) -> str:
    if len(theirs) > 1:
        return f"{len(theirs)} transactions wait for approval"
    return f"{_amount(theirs[0])} waits for approval"


def _line(approval: ApprovalRequest, now: datetime) -> str:
    agent = visible(" ".join(approval.transaction.agent.name.split()))
    return (
        f"{_amount(approval)} requested by {agent}{_why(approval, now)}.\n"
        f"Until {approval.expires_at:%Y-%m-%d %H:%M} UTC.\n{_address(approval)}"
    )


def _why(approval: ApprovalRequest, now: datetime) -> str:
    if now >= reminds_at(approval.created_at, approval.expires_at):
        return ", expires soon"
    return ", now for your role to decide" if approval.escalated_at else ""


def _notify_contacts(approval: ApprovalRequest, *, is_undecidable: bool) -> None:
    amount = _amount(approval)
    subject = f"Nobody can be notified that {amount} waits for approval"
    body = "A held transaction waits; nobody who may decide on it has a mail address."
    if is_undecidable:
        subject = f"Nobody can approve {amount}"
        body = "A held transaction waits, and nobody may decide on it."
    notify_contacts(
        subject=subject,
        body=f"{body} It expires unless somebody decides.\n{_address(approval)}",
        series="approval",
        key=_notice(approval),
    )


def _amount(approval: ApprovalRequest) -> str:
    row = approval.transaction
    return spoken_amount(row.amount_minor, row.currency)


def _address(approval: ApprovalRequest) -> str:
    return f"{settings.BASE_URL}/approvals/{approval.pk}/"


def _notice(approval: ApprovalRequest) -> str:
    """Return the key of a request's present notice, so that it is queued only once."""
    assert approval.notice_due_at is not None  # noqa: S101 - it was due.
    return f"{approval.pk}:{approval.notice_due_at:%Y%m%d%H%M%S}"
