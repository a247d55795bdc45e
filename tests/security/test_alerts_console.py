"""The security console: every change through a service, history untouchable."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.utils import quote
from django.urls import reverse

from audit.models import AuditEvent
from security.alerts.models import Alert
from security.alerts.services import check_alerts
from security.errors import TargetRefused
from security.incidents.models import Incident
from security.incidents.services import detect_incidents, respond_to_incidents
from security.locks.models import ResourceLock
from security.locks.services import lock_resource, unlock_resource
from security.notifications.models import Notification, SecurityContact
from security.notifications.services.contacts import set_contact
from security.reviews.models import Review
from security.reviews.services import open_due_reviews
from security.signing.models import RequestNonce
from tests.browsing import sign_in
from tests.factories import make_agent
from tests.people import SETUP
from tests.security.happenings import NOW, is_refused, sign_in_fails

pytestmark = pytest.mark.django_db

PAGES = (
    "alert",
    "incident",
    "resourcelock",
    "securitycontact",
    "notification",
    "review",
    "requestnonce",
)


@pytest.fixture
def console(client, alice):
    sign_in(client, alice)
    return client


@pytest.fixture
def trouble(carol):
    """One of everything."""
    set_contact("primary", acting=SETUP, name="Lead", email="lead@example.com")
    sign_in_fails(at=NOW - timedelta(minutes=30), times=5)
    is_refused(at=NOW - timedelta(minutes=1), status=403, times=6, actor=carol)
    check_alerts(now=NOW)
    detect_incidents(now=NOW)
    respond_to_incidents()
    open_due_reviews(now=NOW)
    RequestNonce.objects.create(key_id="crd_1", nonce="n" * 22, expires_at=NOW)


def model_of(page: str) -> Any:
    return apps.get_model("security", page)


def act(console, model: str, action: str, *rows, note: str = "", **more: str):
    return console.post(
        reverse(f"admin:security_{model}_changelist"),
        {
            "action": action,
            "note": note,
            "_selected_action": [row.pk for row in rows],
            **more,
        },
        follow=True,
    )


@pytest.mark.usefixtures("trouble")
@pytest.mark.parametrize("page", PAGES)
def test_every_list_and_row_opens(console, page):
    assert console.get(reverse(f"admin:security_{page}_changelist")).status_code == 200
    model = model_of(page)
    row = model.objects.first()
    assert row is not None
    shown = console.get(reverse(f"admin:security_{page}_change", args=[row.pk]))
    assert shown.status_code == 200


@pytest.mark.usefixtures("trouble")
@pytest.mark.parametrize("page", ["alert", "incident", "notification", "review"])
def test_n1_what_the_platform_writes_cannot_be_added_changed_or_deleted(console, page):
    model = model_of(page)
    row = model.objects.first()
    before = model.objects.filter(pk=row.pk).values().get()

    add = reverse(f"admin:security_{page}_add")
    change = reverse(f"admin:security_{page}_change", args=[row.pk])
    delete = reverse(f"admin:security_{page}_delete", args=[row.pk])
    assert console.post(add, {}).status_code == 403
    assert console.post(change, {"status": "closed"}).status_code == 403
    assert console.post(delete, {"post": "yes"}).status_code == 403
    act(console, page, "delete_selected", row, post="yes")

    assert model.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.usefixtures("trouble")
def test_n2_who_is_not_staff_sees_nothing(client, bob):
    sign_in(client, bob)

    for page in PAGES:
        address = reverse(f"admin:security_{page}_changelist")
        answer = client.get(address)
        sent_to = f"/admin/login/?next={address}"
        assert (answer.status_code, answer["Location"]) == (302, sent_to)


@pytest.mark.usefixtures("trouble")
def test_an_alert_is_acknowledged_with_a_note(console):
    act(console, "alert", "acknowledge", Alert.objects.get(), note="On it.")

    assert Alert.objects.get().acknowledged_by == "alice"
    event = AuditEvent.objects.get(action="alert.acknowledged")
    assert (event.details, event.actor_label) == ({"note": "On it."}, "alice")


@pytest.mark.usefixtures("trouble")
def test_an_incident_is_resolved_with_a_note_and_not_without(console):
    incident = Incident.objects.get(resource_kind="user")

    page = act(console, "incident", "resolve", incident)
    assert "Say why" in page.content.decode()
    incident.refresh_from_db()
    assert incident.status == "investigating"

    act(console, "incident", "resolve", incident, note="Explained.")
    incident.refresh_from_db()
    assert incident.status == "resolved"
    assert AuditEvent.objects.filter(action="incident.updated").count() == 1


def test_the_stop_button_is_pressed_and_released(console, carol, bob):
    agent = make_agent(carol, acting=bob)
    add = reverse("admin:security_resourcelock_add")
    form = {"kind": "agent", "target_id": agent.pk, "reason": "Odd."}

    assert console.post(add, form).status_code == 302
    lock = ResourceLock.objects.get()
    assert (lock.target_id, lock.locked_by, lock.reason) == (agent.pk, "alice", "Odd.")

    page = act(console, "resourcelock", "release", lock)
    assert "Say why" in page.content.decode()
    assert ResourceLock.objects.filter(released_at=None).count() == 1

    act(console, "resourcelock", "release", lock, note="Explained.")
    lock.refresh_from_db()
    assert (lock.released_by, lock.release_reason) == ("alice", "Explained.")


@pytest.mark.parametrize(
    ("kind", "target_id", "refusal"),
    [
        ("agent", "agt_none", "There is no such agent."),
        ("agent", "", TargetRefused.detail),
        ("everything", "all", TargetRefused.detail),
    ],
)
def test_a_refused_lock_keeps_the_form_and_locks_nothing(
    console, kind, target_id, refusal
):
    answer = console.post(
        reverse("admin:security_resourcelock_add"),
        {"kind": kind, "target_id": target_id, "reason": "Odd spending."},
    )

    form = answer.context["adminform"].form
    assert refusal in str(form.errors)
    assert 'value="Odd spending."' in answer.content.decode()
    assert ResourceLock.objects.count() == 0


def test_a_merchant_is_locked_by_any_spelling_of_its_name(console):
    form = {"kind": "merchant", "target_id": "WALMART  Online", "reason": "Odd."}

    assert (
        console.post(reverse("admin:security_resourcelock_add"), form).status_code
        == 302
    )

    assert ResourceLock.objects.get().target_id == "walmart online"


def test_a_lock_tells_who_when_and_why(console, alice):
    lock = lock_resource("merchant", "walmart", acting=alice, reason="Odd.")
    unlock_resource("merchant", "walmart", acting=alice, reason="A false alarm.")

    address = reverse("admin:security_resourcelock_change", args=[lock.pk])
    page = console.get(address).content.decode()

    assert "Released by alice" in page
    assert "A false alarm." in page
    assert "empty for everything" not in page


def test_a_lock_cannot_be_edited(console, carol, alice):
    agent = make_agent(carol, acting=alice)
    lock = lock_resource("agent", agent.pk, acting=alice, reason="Odd.")

    change = reverse("admin:security_resourcelock_change", args=[lock.pk])
    assert console.post(change, {"reason": "Other."}).status_code == 403

    lock.refresh_from_db()
    assert lock.reason == "Odd."


def test_a_contact_is_set_through_the_service(console):
    form = {
        "position": "primary",
        "name": "Lead",
        "email": "lead@example.com",
        "phone": "+1-555-0100",
    }
    assert (
        console.post(reverse("admin:security_securitycontact_add"), form).status_code
        == 302
    )
    person = SecurityContact.objects.get()
    assert person.phone == "+1-555-0100"

    change = reverse("admin:security_securitycontact_change", args=[person.pk])
    console.post(change, {**form, "email": "new@example.com", "position": "backup"})

    person = SecurityContact.objects.get()
    assert (person.position, person.email) == ("primary", "new@example.com")
    assert AuditEvent.objects.filter(action="contact.updated").count() == 2


@pytest.mark.usefixtures("trouble")
def test_a_review_is_completed_and_a_failed_message_sent_again(console):
    review, message = (
        Review.objects.earliest("due_at"),
        Notification.objects.earliest("id"),
    )
    Notification.objects.filter(pk=message.pk).update(status="failed")

    act(console, "review", "complete", review, note="Nothing found.")
    act(console, "notification", "send_again", message)

    review.refresh_from_db()
    message.refresh_from_db()
    assert (review.completed_by, review.note) == ("alice", "Nothing found.")
    assert message.status == "queued"


@pytest.mark.usefixtures("trouble")
def test_history_leads_to_the_audit_log(console):
    incident = Incident.objects.earliest("id")

    # As the page itself links to it: the console spells "_" as "_5F".
    answer = console.get(
        reverse("admin:security_incident_history", args=[quote(incident.pk)])
    )

    assert answer.status_code == 302
    assert answer.url == f"/admin/audit/auditevent/?target_id={incident.pk}"
