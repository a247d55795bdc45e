"""Several people, one after the other, and several holds at once, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from tests.browser.conftest import Visitor
from tests.factories import make_agent
from tests.people import People, make_person
from tests.spending import approve
from tests.transactions.approving import TWO_PEOPLE, delegate
from tests.transactions.scenes import OPEN_POLICY, ask
from transactions.approvals.models import ApprovalRequest
from transactions.approvers.models import ApprovalDelegation
from transactions.spending.models import Transaction

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]


def held_for_two(people: People, key: str = "two", **body: str) -> ApprovalRequest:
    """What takes two managers, of an agent that is the same at each call."""
    policy = {
        **OPEN_POLICY,
        "approval_levels": TWO_PEOPLE,
        "approval_escalates_after_minutes": 60,
    }
    agent = people.carol.agents.first() or make_agent(
        people.carol, acting=people.alice, name="Booker", policy=policy
    )
    return ApprovalRequest.objects.get(transaction=ask(agent, key, **body))


@pytest.mark.parametrize("javascript", [True, False])
def test_two_managers_lift_a_hold_one_after_the_other(
    visit: Visit, people: People, javascript: bool
):
    make_person("frank", User.Role.MANAGER, people.north)
    approval = held_for_two(people)
    bob, frank = visit(javascript=javascript), visit(javascript=javascript)

    page = bob.sign_in("bob")
    page.get_by_role("link", name="Amazon").click()
    page.get_by_text("0 of 2 approvals – 2 are missing").wait_for()
    page.get_by_text("only by administrators").wait_for()
    page.get_by_label("Reason").fill("Ordered")
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("Others must approve it, too.").wait_for()
    page.get_by_text("Nothing waits for you").wait_for()
    bob.open(f"/approvals/{approval.pk}/")
    page.get_by_text("Your approval counts.").wait_for()
    assert page.get_by_role("button", name="Approve").count() == 0
    assert page.get_by_role("button", name="Deny").count() == 1
    assert Transaction.objects.get().status == "pending_approval"

    page = frank.sign_in("frank")
    page.get_by_role("link", name="Amazon").click()
    page.get_by_text("1 of 2 approvals – the next one decides").wait_for()
    given = page.get_by_role("list", name="Approved so far").inner_text()
    assert "bob" in given
    assert "Ordered" in given
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("Approved: Booker may spend 749.00 USD.").wait_for()

    assert Transaction.objects.get().status == "authorized"
    assert bob.trouble == frank.trouble == []


@pytest.mark.parametrize("javascript", [True, False])
def test_k10_several_are_ticked_by_keyboard_and_each_result_is_shown(
    visit: Visit, people: People, javascript: bool
):
    for n in range(3):
        held_for_two(people, f"k{n}", amount=f"51{n}.00", merchant=f"Shop {n}")
    visitor = visit(javascript=javascript)
    page = visitor.sign_in("bob")
    page.wait_for_url("**/approvals/")

    page.get_by_label("511.00 USD to Shop 1").focus()
    page.keyboard.press("Space")
    page.get_by_label("512.00 USD to Shop 2").check()
    page.get_by_label("Reason").fill("All seen")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Results of the approvals").wait_for()

    shown = page.locator("main").inner_text()
    assert shown.count("Still waiting") == 2
    assert "Shop 1" in shown
    assert "Shop 0" not in shown
    assert visitor.trouble == []


@pytest.mark.parametrize("javascript", [True, False])
def test_somebody_decides_in_anothers_place(
    visit: Visit, people: People, javascript: bool
):
    approval = held_for_two(people)
    bob, eve = visit(javascript=javascript), visit(javascript=javascript)
    page = bob.sign_in("bob")
    page.get_by_role("link", name="Let somebody decide in your place.").click()
    page.get_by_label("Who decides for you").select_option("eve")
    until = timezone.now() + timedelta(days=2)
    page.get_by_label("Until (UTC)").fill(f"{until:%Y-%m-%dT%H:%M}")
    page.get_by_label("Reason").fill("Holiday")
    page.get_by_role("button", name="Delegate").click()
    page.get_by_text("eve decides for you.").wait_for()

    page = eve.sign_in("eve")
    page.get_by_role("link", name="Amazon").click()
    page.get_by_text("You decide for bob.").wait_for()
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("Others must approve it, too.").wait_for()
    assert approval.votes.get().person == people.eve

    page = bob.page
    page.get_by_role("button", name="Revoke").click()
    page.get_by_text("That delegation has ended.").wait_for()
    assert ApprovalDelegation.objects.get().revoked_by == people.bob
    assert eve.open(f"/approvals/{approval.pk}/") == 404
    assert bob.trouble == eve.trouble == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_pages_are_no_wider_than_a_phone(visit: Visit, people: People, scheme: str):
    frank = make_person("f" * 60, User.Role.MANAGER, people.north)
    long = held_for_two(people, merchant="M" * 200)
    approve(long, frank, reason="R" * 500)
    delegate(people.bob, frank)
    delegate(frank, people.bob)
    visitor = visit(width=390, scheme=scheme)
    page = visitor.sign_in("bob")
    page.wait_for_url("**/approvals/")

    for path in (
        "/approvals/",
        f"/approvals/{long.pk}/",
        "/approvals/delegations/",
    ):
        assert visitor.open(path) == 200
        width = page.evaluate("document.documentElement.scrollWidth")
        assert (path, width) == (path, 390)
    visitor.open("/approvals/")
    page.locator("input[type=checkbox]").check()
    page.get_by_role("button", name="Approve selected").click()
    page.get_by_role("heading", name="Results of the approvals").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert visitor.trouble == []
