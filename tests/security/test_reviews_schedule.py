"""Weekly, monthly, quarterly and annual reviews open by themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.base.errors import NotPermitted
from audit.models import AuditEvent
from security.errors import ReasonMissing, TransitionRefused
from security.notifications.models import Notification
from security.notifications.services.contacts import set_contact
from security.reviews.core.cadences import CADENCES, due_on, period_start
from security.reviews.models import Review
from security.reviews.services import complete_review, open_due_reviews
from tests.people import SETUP

NOW = datetime(2026, 3, 11, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cadence", "day", "start", "due"),
    [
        ("weekly", date(2026, 3, 11), date(2026, 3, 9), date(2026, 3, 16)),
        ("weekly", date(2027, 1, 1), date(2026, 12, 28), date(2027, 1, 4)),
        ("monthly", date(2026, 2, 28), date(2026, 2, 1), date(2026, 3, 1)),
        ("monthly", date(2026, 12, 31), date(2026, 12, 1), date(2027, 1, 1)),
        ("quarterly", date(2026, 5, 31), date(2026, 4, 1), date(2026, 7, 1)),
        ("quarterly", date(2026, 12, 1), date(2026, 10, 1), date(2027, 1, 1)),
        ("annual", date(2028, 2, 29), date(2028, 1, 1), date(2029, 1, 1)),
    ],
)
def test_periods_and_due_dates(cadence, day, start, due):
    assert (period_start(cadence, day), due_on(cadence, day)) == (start, due)


@given(st.sampled_from(CADENCES), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_periods_follow_each_other_without_gap_or_overlap(cadence, day):
    start, due = period_start(cadence, day), due_on(cadence, day)

    assert start <= day < due
    assert period_start(cadence, due) == due
    assert period_start(cadence, due - timedelta(days=1)) == start


def test_an_unknown_cadence_is_an_error():
    with pytest.raises(ValueError, match="hourly"):
        period_start("hourly", date(2026, 1, 1))


@pytest.mark.django_db
def test_o1_each_period_opens_one_review_of_each_cadence():
    for _ in range(3):
        open_due_reviews(now=NOW)

    reviews = Review.objects.order_by("due_at", "-period_start")
    assert [(r.cadence, r.period_start, r.due_at.date()) for r in reviews] == [
        ("weekly", date(2026, 3, 9), date(2026, 3, 16)),
        ("monthly", date(2026, 3, 1), date(2026, 4, 1)),
        ("quarterly", date(2026, 1, 1), date(2026, 4, 1)),
        ("annual", date(2026, 1, 1), date(2027, 1, 1)),
    ]
    assert AuditEvent.objects.filter(action="review.opened").count() == 4

    assert [r.cadence for r in open_due_reviews(now=NOW + timedelta(days=7))] == [
        "weekly"
    ]


@pytest.mark.django_db
def test_an_overdue_review_is_reminded_of_once():
    set_contact("primary", acting=SETUP, name="Lead", email="lead@example.com")
    open_due_reviews(now=NOW)
    assert Notification.objects.count() == 0

    for days in (5, 6):
        open_due_reviews(now=NOW + timedelta(days=days))

    [told] = Notification.objects.all()
    assert told.subject == "Overdue: Weekly automated security scan from 2026-03-09"
    assert told.body == (
        "It was due 2026-03-16 (UTC): not done: the platform has no scan yet."
    )


@pytest.mark.django_db
def test_the_weekly_scan_says_that_it_is_not_done_until_a_person_did_it(alice):
    weekly, monthly = open_due_reviews(now=NOW)[:2]

    assert weekly.state == "not done: the platform has no scan yet"
    assert monthly.state == "not completed"
    done = complete_review(weekly.pk, acting=alice, note="By a scanner of our own.")
    assert done.state == "completed by alice"


@pytest.mark.django_db
def test_completing_takes_the_permission_and_a_note_and_happens_once(alice, bob):
    open_due_reviews(now=NOW)
    review = Review.objects.get(cadence="weekly")

    with pytest.raises(NotPermitted):
        complete_review(review.pk, acting=bob, note="Done.")
    with pytest.raises(ReasonMissing):
        complete_review(review.pk, acting=alice, note=" ")
    review.refresh_from_db()
    assert review.completed_at is None

    complete_review(review.pk, acting=alice, note="Nothing found.")
    with pytest.raises(TransitionRefused):
        complete_review(review.pk, acting=alice, note="Again.")
    review.refresh_from_db()
    assert (review.completed_by, review.note) == ("alice", "Nothing found.")
    assert AuditEvent.objects.filter(action="review.completed").count() == 1


def test_a_card_number_in_a_note_is_kept_nowhere(alice):
    review = open_due_reviews(now=NOW)[0]

    complete_review(review.pk, acting=alice, note="Found 4111 1111 1111 1111.")

    review.refresh_from_db()
    assert review.note == "Found ****1111."
