"""A second person's word by page and by console."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session
from security.changes.models import ChangeRequest
from security.changes.services import reject_change
from tests.browsing import sign_in
from tests.flows.requests import numbers
from tests.people import PASSWORD, make_person
from tests.transactions.sharing import share
from transactions.approvers.services.limits import set_approver_limit

pytestmark = pytest.mark.usefixtures("spacious_limits")


def browser_of(person) -> Client:
    client = Client()
    sign_in(client, person)
    return client


def test_the_page_tells_what_would_change_and_takes_the_word(asked, own, alice):
    browser = browser_of(alice)
    page = browser.get(f"/change-requests/{asked}/").content.decode()

    assert "Max transaction amount" in page
    assert "1,000.00 USD" in page
    assert "5,000.00 USD" in page
    answer = browser.post(
        f"/change-requests/{asked}/", {"verdict": "approve", "reason": ""}, follow=True
    )

    assert "Approved: Policy of an agent" in answer.content.decode()
    assert numbers(own) == [1, 2]


def test_c15_the_page_tells_what_looser_limits_would_change(people, alice):
    share(alice, 100_00, people.north)
    set_approver_limit(people.bob, (500_00, "USD"), acting=alice)
    budget = share(alice, 250_00, people.north, is_active=False, time_zone="Asia/Tokyo")
    limit = set_approver_limit(people.bob, None, acting=alice)
    browser = browser_of(make_person("grace", "admin"))

    assert told_by(browser, budget) == [
        ("Limit", "100.00 USD", "250.00 USD"),
        ("Active", "yes", "no"),
        ("Time zone", "UTC", "Asia/Tokyo"),
    ]
    assert told_by(browser, limit) == [("Approval limit", "500.00 USD", "not set")]


def told_by(browser, change):
    answer = browser.get(f"/change-requests/{change.pk}/")
    assert f"{change.get_kind_display()} <span" in answer.content.decode()
    return answer.context["lines"]


def test_the_page_asks_for_a_fresh_proof_and_takes_the_word_up_again(asked, own, alice):
    browser = browser_of(alice)
    Session.objects.update(authenticated_at=timezone.now() - timedelta(minutes=6))

    stopped = browser.post(
        f"/change-requests/{asked}/", {"verdict": "approve", "reason": ""}
    )
    assert stopped.status_code == 302
    assert numbers(own) == [1]
    browser.post(stopped["Location"], {"password": PASSWORD}, follow=True)

    assert numbers(own) == [1, 2]


def test_the_page_keeps_the_reason_of_a_refused_word(asked, manager, bob, alice):
    refused = browser_of(bob).post(
        f"/change-requests/{asked}/", {"verdict": "approve", "reason": "I say so."}
    )

    assert refused.status_code == 403
    text = refused.content.decode()
    assert "Another person must decide this" in text
    assert "I say so." in text
    assert ChangeRequest.objects.get().status == "waiting"


def test_the_list_page_shows_what_waits_and_what_ended(asked, own, manager, alice):
    browser = browser_of(alice)

    assert (
        f"/change-requests/{asked}/"
        in browser.get("/change-requests/").content.decode()
    )
    reject_change(asked, acting=alice, reason="No.")
    page = browser.get("/change-requests/").content.decode()

    assert "Nothing waits" in page
    assert "Rejected" in page


def test_the_console_decides_one_by_one(asked, own, alice):
    browser = browser_of(alice)
    address = "/admin/security/changerequest/"
    body = {"action": "approve", "_selected_action": [asked], "note": ""}

    assert "5,000.00 USD" in browser.get(address).content.decode()
    assert "1 approved" in browser.post(address, body, follow=True).content.decode()
    assert numbers(own) == [1, 2]
