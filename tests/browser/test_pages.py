"""What people see and do, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib import admin
from django.test import RequestFactory
from django.urls import reverse

from accounts.services.sign_in import start_session
from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from audit.models import AuditEvent
from security.changes.models import ChangeRequest
from security.locks.services import lock_resource
from tests.browser.conftest import Visitor
from tests.factories import make_agent
from tests.people import People
from tests.transactions.scenes import OPEN_POLICY, ask, held
from transactions.spending.models import Transaction

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]

# How much of a console's list lies beyond its box.
HIDDEN_WIDTH = """() => {
  const box = document.querySelector("#changelist .results");
  return box ? box.scrollWidth - box.clientWidth : 0;
}"""


def pages_about(asked: Transaction) -> list[str]:
    approval = getattr(asked, "approval", None)
    return [
        "/approvals/",
        *([f"/approvals/{approval.pk}/"] if approval else []),
        "/transactions/",
        f"/transactions/{asked.pk}/",
        "/agents/",
        f"/agents/{asked.agent_id}/",
        "/dashboard/",
    ]


REASON_PAGES = [
    "/docs/reasons/",
    "/docs/reasons/approval_limit_split/",
    "/docs/vocabularies/",
    "/docs/vocabularies/categories/",
]


def pages_of_change(people: People, name: str = "Own assistant") -> list[str]:
    """The pages of looser limits that the manager asks for, for an agent of his own."""
    own = make_agent(people.bob, acting=people.alice, name=name)
    looser = {**OPEN_POLICY, "allowed_merchants": [f"{name[:90]} {n}" for n in (1, 2)]}
    change = set_policy(own.pk, parse_terms(looser), acting=people.bob)
    return ["/change-requests/", f"/change-requests/{change.pk}/"]


def console_pages() -> list[str]:
    """Every list of the console, and the page of one object of each."""
    pages = ["/admin/", "/admin/accounts/user/add/", "/accounts/password/"]
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages.append(reverse(f"{name}_changelist"))
        if found := model._default_manager.first():
            pages.append(reverse(f"{name}_change", args=[found.pk]))
    assert len(pages) > 15
    return pages


@pytest.mark.parametrize("javascript", [True, False])
def test_a_manager_approves_a_held_transaction(
    visit: Visit, people: People, javascript: bool
):
    approval = held(people)
    visitor = visit(javascript=javascript)

    page = visitor.sign_in("bob")
    page.get_by_role("link", name="Amazon").click()
    page.get_by_role("heading", name="749.00 USD").wait_for()
    shown = page.locator("main").inner_text()
    page.get_by_label("Reason").fill("Ordered for the support team")
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("Approved: Shopping assistant may spend 749.00 USD.").wait_for()

    for fact in (
        "749.00 USD",
        "Amazon",
        "Shopping assistant",
        "for carol",
        "Velocity",
        "749.00 USD is above 500.00 USD, so a human decides.",
    ):
        assert fact in shown
    assert Transaction.objects.get().status == "authorized"
    assert visitor.trouble == []
    told = list(
        AuditEvent.objects.filter(target_id__in=[approval.pk, approval.transaction_id])
        .order_by("occurred_at", "id")
        .values_list("action", "actor_label", "address")
    )
    assert told == [
        ("transaction.requested", "Shopping assistant", "198.51.100.9"),
        ("transaction.decided", "Shopping assistant", "198.51.100.9"),
        ("approval.requested", "Shopping assistant", "198.51.100.9"),
        ("approval.viewed", "bob", "127.0.0.1"),
        ("approval.approved", "bob", "127.0.0.1"),
    ]


def test_a_user_and_a_strange_manager_cannot_decide(visit: Visit, people: People):
    approval = held(people)
    carol, dave, eve = visit(), visit(), visit()
    carol.sign_in("carol")
    dave.sign_in("dave")
    eve.sign_in("eve")

    assert carol.open("/approvals/") == 403
    assert dave.open("/approvals/") == 403
    assert dave.open(f"/approvals/{approval.pk}/") == 404
    assert eve.open(f"/approvals/{approval.pk}/") == 404
    assert eve.page.get_by_role("heading", name="Nothing here").is_visible()
    assert Transaction.objects.get().status == "pending_approval"


@pytest.mark.parametrize("javascript", [True, False])
def test_a_second_person_agrees_to_looser_limits(
    visit: Visit, people: People, javascript: bool
):
    _, address = pages_of_change(people)
    visitor = visit(javascript=javascript)

    page = visitor.sign_in("alice")
    page.wait_for_url("**/admin/")
    visitor.open(address)
    page.get_by_label("Reason").fill("As agreed")
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("Approved: Policy of an agent: Own assistant.").wait_for()

    assert ChangeRequest.objects.get().status == "approved"
    assert visitor.trouble == []


def test_a_denial_without_a_reason_is_explained_without_javascript(
    visit: Visit, people: People
):
    approval = held(people)
    visitor = visit(javascript=False)
    page = visitor.sign_in("bob")
    visitor.open(f"/approvals/{approval.pk}/")

    page.get_by_label("Reason").fill("   ")
    page.get_by_role("button", name="Deny").click()

    reason = page.get_by_label("Reason")
    page.get_by_text("Say why, so that the owner can act on it.").wait_for()
    assert reason.get_attribute("aria-invalid") == "true"
    assert "reason-error" in (reason.get_attribute("aria-describedby") or "")
    assert Transaction.objects.get().status == "pending_approval"


def test_the_keyboard_alone_suffices(visit: Visit, people: People):
    held(people)
    page = visit().sign_in("bob")
    page.wait_for_url("**/approvals/")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to main content"
    page.keyboard.press("Enter")
    for _ in range(10):  # Past the kinds of agents, and the parts of what waits.
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Amazon":
            break
    page.keyboard.press("Enter")
    page.get_by_label("Reason").focus()
    page.keyboard.type("Ordered by the team")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Approved: ").wait_for()

    assert Transaction.objects.get().status == "authorized"


def test_no_page_breaks_the_content_policy_or_hides_a_column(
    visit: Visit, people: People
):
    asked = held(people).transaction
    lock_resource("agent", asked.agent_id, acting=people.alice, reason="Odd. " * 20)
    start_session(request=RequestFactory().post("/"), user=people.carol)
    changes = pages_of_change(people)
    visitor = visit()
    visitor.open("/accounts/login/")
    visitor.sign_in("alice").wait_for_url("**/admin/")

    for path in (*pages_about(asked), *changes, *REASON_PAGES, *console_pages()):
        assert visitor.open(path) == 200, path
        visitor.page.wait_for_load_state("load")
        assert (path, visitor.trouble) == (path, [])
        assert (path, visitor.page.evaluate(HIDDEN_WIDTH)) == (path, 0)


def test_e6_stored_scripts_run_nowhere(visit: Visit, people: People):
    script = "<script>reportTrouble('ran')</script>"
    image = "<img src=x onerror=\"reportTrouble('ran')\">"
    agent = make_agent(
        people.carol, acting=people.alice, name=f"{image}{script}", policy=OPEN_POLICY
    )
    asked = ask(agent, merchant=f"{script}{image}", description=f"{image}'\"{script}")
    strict = make_agent(people.carol, acting=people.alice, name=f"{script} strict")
    denied = ask(strict, merchant=f"{script}{image}", merchant_country="DE", mcc="5732")
    changes = pages_of_change(people, name=f"{script}{image}")
    visitor = visit(user_agent=f"{image}{script}")
    visitor.sign_in("alice").wait_for_url("**/admin/")

    about = [*pages_about(asked), *pages_about(denied)]
    for path in (*about, *changes, *console_pages()):
        assert visitor.open(path) == 200, path
        assert visitor.page.locator("img[src=x]").count() == 0
        assert (path, visitor.trouble) == (path, [])
    visitor.open(pages_about(asked)[1])
    assert script in visitor.page.locator("main").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(visit: Visit, people: People, scheme: str):
    agent = make_agent(
        people.carol, acting=people.alice, name="W" * 100, policy=OPEN_POLICY
    )
    asked = ask(agent, merchant="M" * 200, amount="999.99", description="D" * 1000)
    changes = pages_of_change(people, name="N" * 100)
    visitor = visit(width=390, scheme=scheme)
    visitor.sign_in("bob").wait_for_url("**/approvals/")

    others = [*changes, *REASON_PAGES, "/accounts/password/", "/nowhere/"]
    for path in (*pages_about(asked), *others):
        assert visitor.open(path) == (404 if path == "/nowhere/" else 200), path
        width = visitor.page.evaluate("document.documentElement.scrollWidth")
        assert (path, width) == (path, 390)


def test_the_console_follows_the_system_and_its_toggle(visit: Visit, people: People):
    visitor = visit(scheme="dark")
    page = visitor.sign_in("alice")
    page.wait_for_url("**/admin/")
    background = "getComputedStyle(document.body).backgroundColor"

    dark = page.evaluate(background)
    page.locator("#user-tools .theme-toggle").click()
    light = page.evaluate(background)

    assert (dark, light) == ("rgb(22, 26, 33)", "rgb(255, 255, 255)")
    assert visitor.trouble == []
