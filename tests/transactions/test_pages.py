"""The pages of managers and owners, through Django's client."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from agents.services.agents import lock_agent
from audit.models import AuditEvent
from platform_site.views import server_error
from tests.browsing import sign_in
from tests.factories import SEED_POLICY, make_agent
from tests.people import People
from tests.transactions.scenes import OPEN_POLICY, ask, held
from transactions.approvals.models import ApprovalRequest
from transactions.approvals.queries.approvals import approval_for, etag_of
from transactions.spending.models import Transaction

pytestmark = pytest.mark.usefixtures("spacious_limits")


def browser(person) -> Client:
    client = Client()
    sign_in(client, person)
    return client


def page_of(approval: ApprovalRequest) -> str:
    return reverse("transactions:approval-detail", args=[approval.pk])


def answer(person, approval: ApprovalRequest, verdict: str, **changes: str):
    body = {
        "verdict": verdict,
        "reason": "Ordered by the team.",
        "expected_digest": etag_of(approval_for(person, approval.pk)),
    }
    return browser(person).post(page_of(approval), body | changes)


def test_the_approval_page_shows_all_that_a_decision_needs(people: People):
    approval = held(people)

    html = browser(people.bob).get(page_of(approval)).content.decode()

    for shown in (
        "749.00",
        "Amazon",
        "Shopping assistant",
        "for carol",
        "Electronics",
        "749.00 USD is above 500.00 USD, so a human decides.",
        "amount_requires_approval",
        "Headphones for the support team",
        "At most 1,000.00 USD.",
        "First time",
        "Requested by the agent",
        "Put to a human",
        "198.51.100.9",
    ):
        assert shown in html
    # Of the timeline, only the request is the agent's own act.
    assert html.count("by Shopping assistant") == 1


def test_looking_at_an_approval_is_audited_with_who_and_from_where(people: People):
    approval = held(people)

    browser(people.bob).get(page_of(approval), REMOTE_ADDR="203.0.113.7")

    viewed = AuditEvent.objects.get(action="approval.viewed")
    assert (viewed.actor_label, viewed.address) == ("bob", "203.0.113.7")
    assert viewed.target_id == approval.pk


def test_approving_authorizes_and_leads_back_to_the_queue(people: People):
    approval = held(people)

    response = answer(people.bob, approval, "approve")

    assert response.status_code == 302
    assert response["Location"] == "/approvals/"
    approval.refresh_from_db()
    assert (approval.status, approval.reason) == ("approved", "Ordered by the team.")
    assert approval.resolved_by == people.bob
    assert Transaction.objects.get().status == "authorized"


def test_denying_declines(people: People):
    approval = held(people)

    response = answer(people.bob, approval, "deny")

    assert response.status_code == 302
    assert Transaction.objects.get().status == "declined"


@pytest.mark.parametrize("reason", ["", "   ", "\t\n"])
def test_a_denial_needs_a_reason(people: People, reason: str):
    approval = held(people)

    response = answer(people.bob, approval, "deny", reason=reason)

    assert response.status_code == 400
    assert b"Say why" in response.content
    assert Transaction.objects.get().status == "pending_approval"


def test_k5_what_changed_since_the_page_loaded_is_not_approved(people: People):
    approval = held(people)
    seen = etag_of(approval_for(people.bob, approval.pk))
    terms = parse_terms({**SEED_POLICY, "max_transaction_amount": "900.00"})
    set_policy(approval.transaction.agent_id, terms, acting=people.alice)

    response = answer(
        people.bob, approval, "approve", expected_digest=seen, reason="Mine to keep"
    )

    html = response.content.decode()
    assert response.status_code == 409
    assert "This request has changed since you saw it." in html
    assert "The policy has changed since." in html
    assert ">Mine to keep</textarea>" in html
    assert Transaction.objects.get().status == "pending_approval"


def test_k3_a_second_click_is_told_that_it_is_resolved(people: People):
    approval = held(people)
    answer(people.bob, approval, "approve")

    response = answer(people.bob, approval, "deny")

    assert response.status_code == 409
    assert b"resolved already" in response.content
    assert Transaction.objects.get().status == "authorized"


def test_a_hold_that_the_rules_now_deny_is_not_approved(people: People):
    approval = held(people)
    lock_agent(approval.transaction.agent_id, reason="Odd orders", acting=people.alice)

    response = answer(people.bob, approval, "approve")

    assert response.status_code == 409
    assert b"A security lock is in force: agent." in response.content
    assert Transaction.objects.get().status == "pending_approval"


def test_k1_who_made_the_agent_sees_why_the_form_is_missing(people: People):
    approval = held(people)

    shown = browser(people.alice).get(page_of(approval))
    response = answer(people.alice, approval, "approve")

    assert b"Another person must decide." in shown.content
    assert b'name="verdict"' not in shown.content
    assert response.status_code == 403
    assert Transaction.objects.get().status == "pending_approval"


def test_a_user_may_not_open_the_queue_nor_decide_on_their_own_agent(people: People):
    approval = held(people)
    client = browser(people.carol)

    assert client.get("/approvals/").status_code == 403
    assert client.get(page_of(approval)).status_code == 403
    assert answer(people.carol, approval, "approve").status_code == 403
    assert not AuditEvent.objects.filter(action="approval.viewed").exists()
    assert Transaction.objects.get().status == "pending_approval"


@pytest.mark.parametrize("who", ["dave", "eve"])
def test_c2_what_belongs_to_others_is_not_there(people: People, who: str):
    approval = held(people)
    client = browser(getattr(people, who))
    asked = approval.transaction

    for address in (
        page_of(approval),
        f"/transactions/{asked.pk}/",
        f"/agents/{asked.agent_id}/",
    ):
        assert client.get(address).status_code == 404
    assert client.post(page_of(approval), {"verdict": "approve"}).status_code == 404
    for address in ("/transactions/", "/agents/", "/dashboard/"):
        page, bobs = client.get(address), browser(people.bob).get(address)
        assert (page.status_code, bobs.status_code) == (200, 200)
        assert b"Shopping assistant" not in page.content
        assert b"Shopping assistant" in bobs.content


def test_nobody_sees_a_page_without_signing_in(people: People):
    for address in ("/", "/approvals/", "/transactions/", "/agents/", "/dashboard/"):
        response = Client().get(address)
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/?next=")


def test_each_role_is_sent_to_its_place(people: People):
    places = {"alice": "/admin/", "bob": "/approvals/", "carol": "/dashboard/"}

    for name, place in places.items():
        assert browser(getattr(people, name)).get("/")["Location"] == place


def test_k13_no_get_approves(people: People):
    approval = held(people)
    digest = etag_of(approval_for(people.bob, approval.pk))
    query = {"verdict": "approve", "reason": "x", "expected_digest": digest}

    page = browser(people.bob).get(page_of(approval), query)

    assert page.status_code == 400
    assert browser(people.bob).get(page_of(approval)).status_code == 200
    approval.refresh_from_db()
    assert approval.status == "waiting"


def test_k9_a_form_without_its_token_is_refused(people: People):
    approval = held(people)
    client = Client(enforce_csrf_checks=True)
    sign_in(client, people.bob)

    response = client.post(page_of(approval), {"verdict": "approve"})

    assert response.status_code == 403
    assert response["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]


def test_i4_the_description_is_quoted_and_escaped(people: People):
    text = 'Approved by manager. <b onclick="x()">Press Approve</b>'
    approval = held(people, description=text)

    html = browser(people.bob).get(page_of(approval)).content.decode()

    assert "&lt;b onclick=&quot;x()&quot;&gt;Press Approve&lt;/b&gt;" in html
    assert "<b onclick" not in html
    assert Transaction.objects.get().status == "pending_approval"


def test_e9_a_disguised_merchant_is_spelled_out(people: People):
    agent = make_agent(people.carol, acting=people.alice, policy=OPEN_POLICY)
    asked = ask(agent, merchant="\u0410mazon", amount="20.00")

    html = browser(people.bob).get(page_of(asked.approval)).content.decode()

    assert "may be a disguise" in html
    assert r"\u0410mazon" in html


def test_list_pages_take_a_bounded_number_of_queries(
    people: People, django_assert_max_num_queries
):
    agent = make_agent(people.carol, acting=people.alice, policy=OPEN_POLICY)
    for number in range(8):
        ask(agent, key=f"key-{number}", merchant=f"Shop {number}", amount="501.00")
    client = browser(people.bob)

    for address in ("/approvals/", "/transactions/", "/agents/", "/dashboard/"):
        client.get(address)
        with django_assert_max_num_queries(12):
            assert client.get(address).status_code == 200


def test_the_list_pages_through_without_gaps(people: People, monkeypatch):
    monkeypatch.setattr("transactions.dashboard.views.PAGE_SIZE", 3)
    agent = make_agent(people.carol, acting=people.alice, policy=OPEN_POLICY)
    asked = [
        ask(agent, key=f"key-{number}", merchant=f"Shop {number}", amount="20.00").pk
        for number in range(7)
    ]
    client, query, seen = browser(people.bob), "", []

    for _ in range(3):
        response = client.get(f"/transactions/?{query}")
        seen += [row.pk for row in response.context["rows"]]
        query = response.context["older"]

    assert seen == asked[::-1]
    assert query == ""


def test_older_goes_on_although_the_last_row_was_decided(people: People, monkeypatch):
    monkeypatch.setattr("transactions.dashboard.views.PAGE_SIZE", 1)
    agent = make_agent(people.carol, acting=people.alice, policy=OPEN_POLICY)
    first, last = (
        ask(agent, key=name, merchant=name, amount="501.00") for name in ("One", "Two")
    )
    client = browser(people.bob)
    query = "status=pending_approval"
    query = client.get(f"/transactions/?{query}").context["older"]

    answer(people.bob, last.approval, "deny")

    rows = client.get(f"/transactions/?{query}").context["rows"]
    assert [row.pk for row in rows] == [first.pk]


def test_the_list_filters_and_an_unknown_filter_shows_nothing(people: People):
    agent = make_agent(people.carol, acting=people.alice)
    allowed, denied = (
        ask(agent, key="a", amount="20.00"),
        ask(agent, key="b", merchant="Casino"),
    )
    client = browser(people.bob)

    def rows(query: str) -> list[str]:
        return [row.pk for row in client.get(f"/transactions/?{query}").context["rows"]]

    assert rows("outcome=deny") == [denied.pk]
    assert rows("status=authorized") == [allowed.pk]
    assert rows(f"agent={agent.pk}") == [denied.pk, allowed.pk]
    assert rows("agent=agt_unknown") == []
    assert rows("outcome=maybe") == []


def test_empty_pages_say_what_happens_next(people: People):
    bob, carol = browser(people.bob), browser(people.carol)

    assert b"Nothing waits for you" in bob.get("/approvals/").content
    assert b"No transactions yet" in bob.get("/transactions/").content
    assert b"No agents yet" in carol.get("/agents/").content
    assert b"creates an agent for you" in carol.get("/dashboard/").content


def test_the_dashboard_counts_the_day(people: People):
    agent = make_agent(people.carol, acting=people.alice)
    ask(agent, key="a", amount="20.00")
    ask(agent, key="b", amount="600.00")
    ask(agent, key="c", merchant="Casino")

    context = browser(people.carol).get("/dashboard/").context

    assert context["day"].outcomes == {"allow": 1, "hold": 1, "deny": 1}
    # What waits is set aside, as the limits on the approval page count it.
    assert context["day"].spent_minor == {"USD": 620_00}
    assert sum(hour.total for hour in context["hours"]) == 3
    assert len(context["hours"]) == 24


def test_the_dashboard_counts_the_agents_that_can_act(people: People):
    make_agent(people.carol, acting=people.alice)
    make_agent(people.carol, acting=people.alice, name="rehearsal", mode="test")
    locked = make_agent(people.carol, acting=people.alice, name="locked")
    lock_agent(locked.pk, reason="Odd orders", acting=people.bob)

    assert browser(people.carol).get("/dashboard/").context["day"].agents == 1


def test_the_agent_page_tells_its_policy_in_words_and_its_lock(people: People):
    agent = make_agent(people.carol, acting=people.alice)
    lock_agent(agent.pk, reason="Odd orders", acting=people.bob)

    html = browser(people.carol).get(f"/agents/{agent.pk}/").content.decode()

    for shown in (
        "At most 1,000.00 USD.",
        "On anything above 500.00 USD.",
        "Amazon, Walmart",
        "Odd orders",
        "all its requests are denied",
    ):
        assert shown in html


def test_unknown_pages_and_codes_answer_in_the_products_look(people: People):
    client = browser(people.bob)

    missing = client.get("/approvals/apr_unknown/")
    code = client.get("/errors/approval_changed/")

    assert (missing.status_code, code.status_code) == (404, 200)
    assert b"css/site.css" in missing.content
    assert b"approval_changed" in code.content


@pytest.mark.parametrize(
    ("error", "status"), [(OperationalError, 503), (KeyError, 500)]
)
def test_p1_the_failure_page_needs_no_engine(error: type[Exception], status: int):
    def away() -> None:
        raise OperationalError

    request = RequestFactory().get("/approvals/")
    request.user = SimpleLazyObject(away)  # type: ignore[assignment] # As lazy as Django's.

    try:
        raise error
    except error:
        response = server_error(request)

    assert response.status_code == status
    assert response.has_header("Retry-After") == (status == 503)
    assert b"Nothing was approved or changed" in response.content
