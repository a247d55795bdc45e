"""Scheduled security reviews. Source: "Regular Security Reviews"."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time

from django.db import transaction
from django.utils import timezone

from audit.base.context import Principal, System, holds
from audit.base.core.masking import mask
from audit.base.core.readers import rfc3339
from audit.base.errors import NotFound, NotPermitted
from audit.base.readable import check_text
from audit.services.recording import record
from security.errors import ReasonMissing, TransitionRefused
from security.notifications.services.messages import notify_contacts
from security.reviews.core.cadences import CADENCES, due_on, period_start
from security.reviews.models import Review

ACTOR = System("scheduled reviews")


def open_due_reviews(*, now: datetime) -> list[Review]:
    """Open the review of each running period that has none; returns the new ones.

    Idempotent by (cadence, period). Also reminds the contacts, once, of each review
    that is overdue.
    """
    opened = [review for cadence in CADENCES if (review := _open(cadence, now))]
    overdue = Review.objects.filter(completed_at=None, due_at__lte=now)
    for review in overdue:
        _remind(review)
    return opened


def complete_review(review_id: str, *, acting: Principal, note: str) -> Review:
    """Close a review with what was found. Takes security.change_review.

    Raises NotPermitted, ReasonMissing, TextRefused, NotFound, and TransitionRefused
    when it was done.
    """
    if not holds(acting, "security.change_review"):
        raise NotPermitted
    if not note.strip():
        raise ReasonMissing("Say what was reviewed and found.", pointer="/note")
    check_text(note, pointer="/note")
    with transaction.atomic(durable=True):
        review = Review.objects.select_for_update().filter(pk=review_id).first()
        if review is None:
            raise NotFound
        if review.completed_at is not None:
            raise TransitionRefused("This review was completed before.")
        review.completed_at = timezone.now()
        review.completed_by = acting.label[:200]
        review.note = mask(note)
        review.save(update_fields=["completed_at", "completed_by", "note"])
        _record("review.completed", review, {"note": note}, acting)
    return review


def _open(cadence: str, now: datetime) -> Review | None:
    today = now.astimezone(UTC).date()
    due_at = datetime.combine(due_on(cadence, today), time(), tzinfo=UTC)
    with transaction.atomic(durable=True):
        review, is_new = Review.objects.get_or_create(
            cadence=cadence,
            period_start=period_start(cadence, today),
            defaults={"due_at": due_at},
        )
        if not is_new:
            return None
        details = {"cadence": cadence, "due_at": rfc3339(due_at)}
        _record("review.opened", review, details, ACTOR)
    return review


def _remind(review: Review) -> None:
    with transaction.atomic(durable=True):
        notify_contacts(
            subject=f"Overdue: {review}",
            body=f"It was due {review.due_at:%Y-%m-%d} (UTC): {review.state}.",
            series="review",
            key=review.pk,
        )


def _record(
    action: str, review: Review, details: Mapping[str, object], actor: Principal
) -> None:
    record(
        action,
        target=("review", review.pk, str(review)),
        details=details,
        actor=actor,
    )
