"""Two powers of one role do not add up to a decision of one person (C15)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Session
from accounts.services.people import update_user
from agents.models import Agent, PolicyVersion
from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from agents.queries import granted_alone
from agents.services.agents import update_agent
from agents.services.credentials import (
    exchange_credential,
    issue_credential,
    rotate_credential,
)
from audit.models import AuditEvent
from platform_site.checklist.checks import run_checklist
from security.alerts.models import Alert
from security.changes.four_eyes import report_when_off
from security.changes.models import ChangeRequest
from security.changes.services import approve_change
from security.locks.services import lock_resource, unlock_resource
from tests.browsing import sign_in
from tests.factories import SEED_POLICY, make_agent, make_agent_token
from tests.flows.requests import app_rows, create, numbers, problem
from tests.people import make_person
from tests.spending import approve, deny, everything, held
from transactions.approvals.queries.approvals import approval_queue
from transactions.errors import NotAllowedToApprove

pytestmark = pytest.mark.usefixtures("spacious_limits")

# What the attacker set: no approval, any merchant, any category.
BOUNDLESS = {
    "max_transaction_amount": "10000000000000.00",
    "requires_approval_above": None,
    "allowed_merchants": None,
    "blocked_categories": [],
}
SMALL = {
    "max_transaction_amount": "100.00",
    "requires_approval_above": "50.00",
    "daily_budget": "100.00",
    "allowed_merchants": None,
    "blocked_categories": ["gambling"],
}


def policy_of(agent):
    return f"/api/v1/agents/{agent.pk}/policy/"


@pytest.fixture
def heidi(people):
    return make_person("heidi", "admin")


def test_c15_one_manager_alone_spends_nothing(people, bob, manager, api):
    """The attack as it was tried: an agent, its policy, its credential, its money."""
    body = {"name": "mine in all but name", "owner": people.carol.pk}
    agent = Agent.objects.get(pk=manager.post("/api/v1/agents/", body).json()["id"])

    asked = manager.put(policy_of(agent), BOUNDLESS)

    assert (asked.status_code, asked.json()["status"]) == (202, "waiting")
    assert numbers(agent) == []
    spent = create(
        api(token=make_agent_token(agent, acting=bob)),
        amount="9999999999999.99",
        merchant="Casino",
        category="gambling",
        currency="USD",
    )
    assert spent.json()["outcome"] == "deny"
    own = manager.post(f"/api/v1/change-requests/{asked.json()['id']}/approve/", {})
    problem(own, 403, "own_change")
    assert numbers(agent) == []


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_c15_whoever_loosens_waits(people, agent, client_for, who):
    before = numbers(agent)

    answer = client_for(getattr(people, who)).put(policy_of(agent), BOUNDLESS)

    assert answer.status_code == 202
    assert numbers(agent) == before == [1]
    assert ChangeRequest.objects.get().requested_by == who


@pytest.mark.parametrize(
    ("who", "budget", "status"),
    [
        ("bob", "100.00", 200),
        ("bob", "100.01", 202),
        ("alice", "1000.00", 200),
        ("alice", "1000.01", 202),
        ("alice", None, 202),
    ],
)
def test_c15_a_first_policy_alone_has_a_ceiling_per_role(
    people, client_for, who, budget, status
):
    agent = make_agent(people.carol, acting=people.alice, policy=None)
    terms = {**SMALL, "daily_budget": budget}

    answer = client_for(getattr(people, who)).put(policy_of(agent), terms)

    assert answer.status_code == status, answer.content
    assert numbers(agent) == ([1] if status == 200 else [])


def test_c15_an_administrator_grants_their_own_agent_what_a_manager_would(
    alice, client_for
):
    agent = make_agent(alice, acting=alice, policy=None)
    terms = {**SMALL, "daily_budget": "100.01"}

    assert client_for(alice).put(policy_of(agent), terms).status_code == 202
    assert numbers(agent) == []


def test_c15_many_small_agents_are_no_large_one(people, bob, heidi, client_for):
    """Ten ceilings a day in all, whatever is tightened or retired in between."""
    agents = [
        make_agent(people.carol, acting=people.alice, policy=None, name=f"a{n}")
        for n in range(12)
    ]
    client = client_for(bob)
    for agent in agents[:10]:
        assert client.put(policy_of(agent), SMALL).status_code == 200
    assert client.put(policy_of(agents[10]), SMALL).status_code == 202

    tighter = {**SMALL, "daily_budget": "1.00", "max_transaction_amount": "1.00"}
    tighter["requires_approval_above"] = "1.00"
    assert client.put(policy_of(agents[0]), tighter).status_code == 200
    update_agent(agents[1].pk, is_active=False, acting=bob)
    assert client.put(policy_of(agents[11]), SMALL).status_code == 202
    # What a second person agreed to is not granted alone, nor is a stricter form of it.
    asked = ChangeRequest.objects.get(target_id=agents[11].pk)
    approve_change(asked.pk, acting=heidi)
    assert client.put(policy_of(agents[11]), tighter).status_code == 200
    assert [numbers(agent) for agent in agents[9:]] == [[1], [], [1, 2]]
    agreed = PolicyVersion.objects.filter(agent=agents[11], agreed_by=heidi)
    assert agreed.count() == 2

    # A day later what was replaced counts no more.
    later = timezone.now() + timedelta(days=2)
    with time_machine.travel(later, tick=False):
        assert client_for(bob).put(policy_of(agents[10]), SMALL).status_code == 202
        assert granted_alone(bob, besides=agents[10]) == 901
    assert granted_alone(bob, besides=agents[10]) == 1000


def test_c15_a_test_agent_is_exempt(people, manager):
    agent = make_agent(people.carol, acting=people.alice, policy=None, mode="test")

    assert manager.put(policy_of(agent), BOUNDLESS).status_code == 200
    assert numbers(agent) == [1]


def test_c15_tightening_is_immediate_and_takes_no_proof(agent, manager):
    Session.objects.update(authenticated_at=timezone.now() - timedelta(hours=3))

    stricter = {**SEED_POLICY, "max_transaction_amount": "600.00"}

    assert manager.put(policy_of(agent), stricter).status_code == 200
    assert numbers(agent) == [1, 2]


def test_c15_who_asked_for_the_policy_decides_on_nothing_under_it(
    people, agent, bob, heidi
):
    asked = set_policy(agent.pk, parse_terms(BOUNDLESS_BUT_HELD), acting=bob)
    approve_change(asked.pk, acting=heidi)
    agent.refresh_from_db()
    approval = held(agent)
    before = everything()

    for word in (approve, deny):
        with pytest.raises(NotAllowedToApprove, match="asked for its policy"):
            word(approval, bob)

    assert everything() == before
    assert list(approval_queue(bob, now=timezone.now())) == []
    # Agreeing to the change bars nobody.
    assert list(approval_queue(heidi, now=timezone.now())) == [approval]
    assert approve(approval, heidi).status == "approved"


BOUNDLESS_BUT_HELD = {**BOUNDLESS, "requires_approval_above": "500.00"}
STRICTER = {**SEED_POLICY, "max_transaction_amount": "900.00"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_c15_that_holds_for_the_policy_of_then_and_of_now(
    people, agent, bob, heidi, give_policy, when
):
    if when == "before":
        set_policy(agent.pk, parse_terms(STRICTER), acting=bob)
        agent.refresh_from_db()
    approval = held(agent)
    by = heidi if when == "before" else bob
    set_policy(
        agent.pk,
        parse_terms({**STRICTER, "max_transaction_amount": "800.00"}),
        acting=by,
    )

    with pytest.raises(NotAllowedToApprove):
        approve(approval, bob)

    assert list(approval_queue(bob, now=timezone.now())) == []
    frank = make_person("frank", "manager", people.north)
    assert approve(approval, frank).status == "approved"


def test_c15_who_rotated_a_credential_decides_on_nothing_made_with_it(
    people, agent, bob, api, client_for
):
    first = issue_credential(agent.pk, acting=people.alice)
    second = rotate_credential(agent.pk, first.id, acting=bob)
    token = exchange_credential(second.id, second.client_secret)
    body = create(api(token=token.access), amount="750.00").json()

    answer = client_for(bob).post(
        f"/api/v1/transactions/{body['id']}/approve/",
        {"reason": "Mine."},
        headers={
            "If-Match": client_for(bob).get(f"/api/v1/transactions/{body['id']}/")[
                "ETag"
            ]
        },
    )

    problem(answer, 403, "not_allowed_to_approve")


@pytest.fixture
def alone(settings):
    settings.FOUR_EYES = False


@pytest.mark.usefixtures("alone")
def test_c15_one_person_may_say_that_there_is_no_second_one(alice, client_for):
    agent = make_agent(alice, acting=alice, policy=None)

    answer = client_for(alice).put(policy_of(agent), BOUNDLESS_BUT_HELD)

    assert answer.status_code == 200
    assert numbers(agent) == [1]
    told = AuditEvent.objects.get(action="policy.version_created")
    assert told.details["four_eyes"] == "off"
    agent.refresh_from_db()
    approval = held(agent)
    assert list(approval_queue(alice, now=timezone.now())) == [approval]
    assert approve(approval, alice).status == "approved"
    told = AuditEvent.objects.get(action="approval.approved")
    assert told.details["four_eyes"] == "off"
    update_agent(agent.pk, is_active=False, acting=alice)
    update_agent(agent.pk, is_active=True, acting=alice)
    lock_resource("agent", agent.pk, acting=alice, reason="Stop.")
    unlock_resource("agent", agent.pk, acting=alice, reason="Go.")
    assert update_user(user=alice, acting=alice, role="manager") is None
    alice.refresh_from_db()
    assert alice.role == "manager"


@pytest.mark.usefixtures("alone")
def test_c15_then_every_page_the_checklist_and_the_log_say_so(alice):
    client = Client()
    assert b"Four eyes are off" in client.get("/accounts/login/").content
    sign_in(client, alice)
    for page in ("/", "/approvals/", "/agents/", "/admin/", "/admin/agents/agent/"):
        assert b"Four eyes are off" in client.get(page, follow=True).content, page

    found = {result.item.key: result.finding for result in run_checklist()}
    assert found["access_controls"].status == "fail"
    assert "four eyes are on" in found["access_controls"].evidence

    report_when_off()

    assert AuditEvent.objects.filter(action="platform.four_eyes_off").count() == 1
    assert Alert.objects.get().metric == "four_eyes_off"


def test_c15_with_four_eyes_nothing_says_that_they_are_off(alice):
    client = Client()
    sign_in(client, alice)
    for page in ("/", "/admin/"):
        answer = client.get(page, follow=True)
        assert answer.status_code == 200
        assert b"Four eyes" not in answer.content

    report_when_off()

    assert not AuditEvent.objects.filter(action="platform.four_eyes_off").exists()
    assert "four_eyes" not in str(list(AuditEvent.objects.values("details")))
    assert not PolicyVersion.objects.exists()
    assert app_rows()["Alert"] == []
