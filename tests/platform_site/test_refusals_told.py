"""What pages refuse is in the log as what the API refuses is."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings
from django.urls import path

from audit.models import AuditEvent
from platform_site.urls import handler500, urlpatterns
from tests.browsing import sign_in
from tests.transactions.scenes import AGENT_ADDRESS, held
from transactions.approvals.models import ApprovalRequest

REFUSALS = ("request.refused", "request.failed")


def page_of(person) -> Client:
    client = Client(raise_request_exception=False)
    sign_in(client, person)
    return client


def told() -> list[tuple[str, str, dict[str, object]]]:
    events = AuditEvent.objects.filter(action__in=REFUSALS).order_by("id")
    return [(event.action, event.actor_id, event.details) for event in events]


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/approvals/", 403, "permission_denied"),
        ("/admin/", 403, "permission_denied"),
        ("/transactions/txn_none/", 404, "not_found"),
    ],
)
def test_a_page_that_refuses_a_person_tells_the_log(carol, address, status, code):
    assert page_of(carol).get(address, follow=True).status_code == status

    ((action, actor, details),) = told()
    assert (action, actor) == ("request.refused", carol.pk)
    assert (details["status"], details["code"]) == (status, code)
    assert details["method"] == "GET"


def test_a_form_without_its_token_tells_the_log(carol):
    client = Client(enforce_csrf_checks=True)
    sign_in(client, carol)

    assert client.post("/accounts/logout/").status_code == 403

    ((_, actor, details),) = told()
    assert (actor, details["code"]) == (carol.pk, "csrf_failed")


def test_strangers_wrong_addresses_are_not_told(db):
    for number in range(3):
        assert Client().get(f"/nothing-{number}/").status_code == 404

    assert told() == []


def fail(request):
    raise RuntimeError("unforeseen")


class Failing:
    urlpatterns = [path("fail/", fail), *urlpatterns]
    handler500 = handler500


def test_a_page_that_fails_tells_the_log_whoever_asked(db):
    with override_settings(ROOT_URLCONF=Failing):
        client = Client(raise_request_exception=False)
        assert client.get("/fail/").status_code == 500

    ((action, _, details),) = told()
    assert (action, details["code"]) == ("request.failed", "internal_error")


def test_a_word_on_an_agent_of_ones_own_making_is_refused_and_told(people):
    approval = held(people)
    page = f"/approvals/{approval.pk}/"
    client = page_of(people.alice)
    digest = client.get(page).context["digest"]
    body = {"verdict": "approve", "reason": "Mine.", "expected_digest": digest}

    assert client.post(page, body).status_code == 403

    ((action, actor, details),) = told()
    assert (action, actor) == ("request.refused", people.alice.pk)
    assert (details["status"], details["code"]) == (403, "not_allowed_to_approve")
    approval.refresh_from_db()
    assert approval.status == ApprovalRequest.Status.WAITING


def test_an_address_in_the_timeline_is_for_those_who_decide_or_audit(people):
    page = f"/transactions/{held(people).transaction_id}/"

    owners, managers = (
        page_of(person).get(page) for person in (people.carol, people.bob)
    )

    assert (owners.status_code, managers.status_code) == (200, 200)
    assert "Requested by the agent" in owners.content.decode()
    assert AGENT_ADDRESS not in owners.content.decode()
    assert AGENT_ADDRESS in managers.content.decode()
