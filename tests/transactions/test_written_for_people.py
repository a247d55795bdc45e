"""Money, risk and merchants read the same on pages, in the console and in mails."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from security.locks.models import ResourceLock
from security.locks.services import lock_resource
from security.notifications.models import Notification
from security.notifications.services.contacts import set_contact
from tests.browsing import sign_in
from tests.console import fill_console, models, page_of
from tests.people import SETUP
from tests.spending import held, spend
from transactions.approvals.services.notices import notify_approvers
from transactions.approvers.models import ApproverLimit
from transactions.decisions.models import Decision
from transactions.risk.models import AgentActivity, MerchantActivity
from transactions.spending.models import Transaction

pytestmark = pytest.mark.usefixtures("spacious_limits")


@pytest.fixture
def generous(agent: Any, give_policy: Any) -> Any:
    return give_policy(
        agent,
        max_transaction_amount="9000.00",
        requires_approval_above="1500.00",
        allowed_merchants=None,
        daily_budget="20000.00",
    )


def browser(person: Any) -> Client:
    client = Client()
    sign_in(client, person)
    return client


def test_an_amount_reads_the_same_on_page_console_and_mail(generous, people):
    approval = held(generous, "1749.50")
    ApproverLimit.objects.create(
        person=people.eve, amount_minor=2_500_00, currency="USD"
    )
    notify_approvers(now=approval.created_at)
    staff, manager = browser(people.alice), browser(people.bob)

    page = re.sub(
        "<[^>]+>", "", manager.get(f"/approvals/{approval.pk}/").content.decode()
    )
    console = [
        staff.get(address).content.decode()
        for address in (
            page_of(approval.transaction),
            page_of(approval.transaction.reservation),
            page_of(approval.transaction.decision),
            "/admin/transactions/transaction/",
            "/admin/transactions/approvalrequest/",
            "/admin/transactions/ledgerentry/",
            "/admin/transactions/budget/",
        )
    ]
    limits = staff.get("/admin/transactions/approverlimit/").content.decode()

    assert page.count("1,749.50 USD") >= 2
    assert "1749.50" not in page
    assert ["1,749.50 USD" in text for text in console] == [True] * len(console)
    seen = [
        re.sub(r'<pre class="details">.*?</pre>', "", text, flags=re.S)
        for text in console
    ]
    assert [text for text in seen if "1749.50" in text or "174950" in text] == []
    assert "2,500.00 USD" in limits
    assert "1,749.50 USD" in Notification.objects.get().subject


def test_no_page_of_the_console_shows_a_column_of_minor_units(people):
    fill_console(people)
    staff, shown = browser(people.alice), {}

    for model in models():
        row: Any = model._default_manager.first()
        page = page_of(row)
        text = staff.get(page).content.decode()
        fields = re.findall(r'class="form-row[^"]* field-(\w+)', text)
        assert fields, page
        raw = [name for name in fields if re.search("_minor|_bp|_squares", name)]
        if raw:
            shown[page] = raw

    assert shown == {}


def test_a_risk_score_reads_the_same_everywhere_and_is_never_rounded(generous, people):
    approval = held(generous, "1749.50")
    row: Any = approval.transaction.decision
    exact = f"0.{row.risk_bp:04d}"
    assert 0 < row.risk_bp < 10_000
    assert row.risk_bp % 100, "A score that two decimals would round."
    staff, manager = browser(people.alice), browser(people.bob)

    for client, address in (
        (manager, f"/approvals/{approval.pk}/"),
        (manager, "/approvals/"),
        (manager, "/transactions/"),
        (manager, f"/transactions/{approval.transaction_id}/"),
        (staff, "/admin/transactions/transaction/"),
        (staff, page_of(row)),
    ):
        text = client.get(address).content.decode()
        assert exact in text, address
        assert not re.search(r">0\.\d\d[ <]", text), address


def test_a_near_duplicate_names_the_merchant_and_not_its_key(generous):
    spend(generous, "512.00", merchant="Google ADS")

    body = spend(generous, "513.00", merchant="Google ADS").body

    messages = {each["code"]: each["message"] for each in body["reasons"]}
    assert messages["near_duplicate"] == (
        "Nearly the same as 512.00 USD at Google ADS moments ago."
    )


def test_a_look_alike_names_the_merchant_and_not_its_key(generous):
    spend(generous, "20.00", merchant="Walmart Online")

    body = spend(generous, "71.00", merchant="Wa1mart Online").body

    messages = {each["code"]: each["message"] for each in body["reasons"]}
    assert messages["merchant_lookalike"] == (
        "Wa1mart Online can be taken for Walmart Online."
    )
    decision = Decision.objects.get(transaction=body["id"])
    assert decision.inputs["facts"]["merchant"]["lookalike_names"] == ["Walmart Online"]


def test_the_console_names_merchants_and_not_their_keys(generous, people):
    spend(generous, "20.00", merchant="Google ADS")
    staff = browser(people.alice)
    lock = lock_resource(
        "merchant", "walmart", acting=people.alice, reason="Odd.", label="WALMART"
    )

    for address in (
        "/admin/transactions/merchantactivity/",
        page_of(MerchantActivity.objects.get()),
        page_of(AgentActivity.objects.get()),
    ):
        assert "Google ADS" in staff.get(address).content.decode(), address
    listed = staff.get("/admin/transactions/merchantactivity/").content.decode()
    assert "google ads" not in listed
    for address in ("/admin/security/resourcelock/", page_of(lock)):
        assert "WALMART" in staff.get(address).content.decode(), address


def test_a_lock_says_the_name_of_what_it_stops(generous, people):
    staff = browser(people.alice)
    form = {"kind": "merchant", "target_id": "Google  ADS", "reason": "Odd."}
    staff.post("/admin/security/resourcelock/add/", form)
    lock_resource("agent", generous.pk, acting=people.alice, reason="Odd.")

    named = dict(ResourceLock.objects.values_list("kind", "target_label"))
    assert named == {"merchant": "Google ADS", "agent": "shopping"}
    keys = dict(ResourceLock.objects.values_list("kind", "target_id"))
    assert keys == {"merchant": "google ads", "agent": generous.pk}


def test_a_message_to_contacts_tells_risk_as_everywhere(people):
    set_contact("primary", acting=SETUP, name="Lead", email="lead@example.com")
    fill_console(people)

    bodies = "\n".join(Notification.objects.values_list("body", flat=True))

    assert "risk_score 0.8765" in bodies
    assert not re.search(r"(?<![.\d])8765", bodies)
    assert not Transaction.objects.filter(merchant="").exists()
