"""Second factors in a real browser, with an authenticator that Chromium plays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.utils import timezone

from accounts.models import Session
from audit.models import AuditEvent
from tests.browser.conftest import Visitor
from tests.people import People
from tests.transactions.scenes import held
from transactions.approvers.core import levels as approvals

pytestmark = pytest.mark.browser

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def bobs_browser(
    visit: Callable[..., Visitor], people: People, site: str
) -> Iterator[Visitor]:
    """A window with an authenticator. Passkeys are bound to names, not to numbers."""
    visitor = visit()
    visitor.site = site.replace("127.0.0.1", "localhost")
    devtools = visitor.context.new_cdp_session(visitor.page)
    devtools.send("WebAuthn.enable", {"enableUI": False})
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield visitor
    assert visitor.trouble == []


def enrol_passkey(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_role("link", name="Second factors").click()
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("Laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add a passkey").click()


def test_an_app_and_a_passkey_are_enrolled_and_approve_with_step_up(
    bobs_browser: Visitor, people: People, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(approvals, "STEP_UP_ABOVE", 500)
    approval = held(people)
    page = bobs_browser.sign_in("bob")

    page.get_by_role("link", name="Second factors").click()
    page.get_by_role("link", name="Set up an app").click()
    secret = page.locator("#totp-secret").inner_text()
    page.get_by_label("Authenticator code").fill(_code(secret))
    page.get_by_role("button", name="Set it up").click()
    assert page.locator(".codes li").count() == 10
    page.get_by_role("link", name="I have stored them").click()
    page.get_by_text("Your app is set up.").wait_for()
    enrol_passkey(bobs_browser)
    page.get_by_text("You have 1.").wait_for()

    page.get_by_role("button", name="Sign out").click()
    bobs_browser.sign_in("bob")
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("heading", name="Approvals").wait_for()
    assert Session.objects.get(ended_at=None).method == "password+webauthn"

    long_ago = timezone.now() - timedelta(minutes=6)
    Session.objects.update(authenticated_at=long_ago)
    page.get_by_role("link", name="Amazon").click()
    page.get_by_label("Reason").fill("Ordered for the support team")
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("heading", name="Is it you?").wait_for()
    approval.refresh_from_db()
    assert approval.status == "waiting"
    page.get_by_role("link", name="Use a security key").click()
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_text("Approved: Shopping assistant may spend 749.00 USD.").wait_for()

    approval.refresh_from_db()
    assert (approval.status, approval.reason) == (
        "approved",
        "Ordered for the support team",
    )
    proofs = AuditEvent.objects.filter(action="session.stepped_up")
    assert [event.details for event in proofs] == [{"method": "webauthn"}]


def test_a_passkey_alone_signs_in(bobs_browser: Visitor, people: People):
    bobs_browser.sign_in("bob")
    enrol_passkey(bobs_browser)
    page = bobs_browser.page
    page.get_by_role("link", name="I have stored them").click()
    page.get_by_role("button", name="Sign out").click()

    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("heading", name="Approvals").wait_for()

    assert Session.objects.get(ended_at=None).method == "webauthn"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_account_pages_fit_and_are_calm(
    visit: Callable[..., Visitor], people: People, width: int, scheme: str
):
    visitor = visit(width=width, scheme=scheme)
    visitor.sign_in("bob")

    for path in (
        "/accounts/sessions/",
        "/accounts/second-factors/",
        "/accounts/second-factors/app/add/",
        "/accounts/second-factors/passkeys/",
        "/accounts/second-factors/passkeys/add/",
        "/accounts/password/",
    ):
        assert visitor.open(path) == 200, path
        overflow = visitor.page.evaluate(
            "document.documentElement.scrollWidth - innerWidth"
        )
        assert overflow <= 0, path

    assert visitor.trouble == []


def test_a_lost_password_page_works_without_javascript(
    visit: Callable[..., Visitor], people: People
):
    visitor = visit(javascript=False)

    visitor.open("/accounts/login/")
    visitor.page.get_by_role("link", name="Forgotten your password?").click()
    visitor.page.get_by_label("Email").fill("bob@example.com")
    visitor.page.get_by_role("button", name="Send the link").click()

    visitor.page.get_by_role("heading", name="Check your mail").wait_for()


def test_a_sign_in_elsewhere_is_ended_from_the_list(
    visit: Callable[..., Visitor], people: People
):
    here, there = visit(), visit(user_agent="Old telephone")
    there.sign_in("bob")
    page = here.sign_in("bob")

    page.get_by_role("link", name="Sign-ins").click()
    row = page.get_by_role("row").filter(has_text="Old telephone")
    row.get_by_role("button").click()
    page.get_by_text("That sign-in has ended.").wait_for()

    there.open("/approvals/")
    there.page.get_by_role("heading", name="Sign in").wait_for()
    assert here.open("/approvals/") == 200


def _code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))
