"""What can be done with an object stands on its page, by the code of its list."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from agents.models import Agent, AgentCredential
from audit.base.admin.acting import ActingAdmin
from audit.models import AuditEvent
from security.alerts.models import Alert
from security.changes.models import ChangeRequest
from security.incidents.models import Incident
from security.locks.models import ResourceLock
from security.locks.services import lock_resource
from security.reviews.models import Review
from tests.browsing import sign_in
from tests.console import fill_console, models, page_of
from tests.factories import make_agent
from tests.spending import everything
from transactions.approvers.models import ApprovalDelegation, ApproverLimit

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("spacious_limits")]

# Of the rows that fill_console() makes, what can be done with the newest one.
OFFERED = {
    "Alert": ["acknowledge"],
    "Incident": ["contain", "resolve"],
    "ResourceLock": ["release"],
    "ChangeRequest": ["approve", "reject"],
    "Notification": [],
    "Review": ["complete"],
    "User": ["deactivate"],
    "Session": ["end"],
    "AccessAttempt": ["release"],
    "Agent": ["lock"],
    "AgentCredential": ["revoke"],
    "ApprovalDelegation": ["revoke"],
    "ApproverLimit": ["remove"],
}


@pytest.fixture
def console(client: Client, alice: User) -> Client:
    sign_in(client, alice)
    return client


def buttons(console: Client, row: Any) -> list[str]:
    page = console.get(page_of(row))
    assert page.status_code == 200
    return re.findall(r'name="_act"\s+value="(\w+)"', page.content.decode())


def press(console: Client, row: Any, action: str, **said: str) -> str:
    """Press a button on an object's page; return the page that follows."""
    address = page_of(row)
    answer = console.post(address, {"_act": action, **said}, follow=True)
    assert answer.redirect_chain == [(address, 302)]
    assert answer.status_code == 200
    return answer.content.decode()


def acting_models() -> list[Any]:
    return [model for model in models() if admin.site._registry[model].actions]


def test_every_model_with_actions_says_which_of_them_its_state_allows():
    own: dict[str, Any] = {
        model.__name__: type(admin.site._registry[model]) for model in acting_models()
    }
    silent = [
        name
        for name, console in own.items()
        if console.possible_actions is ActingAdmin.possible_actions
    ]

    assert silent == []
    assert {model.__name__ for model in acting_models()} == {*OFFERED}


def test_every_page_offers_what_the_state_of_its_object_allows(console, people):
    fill_console(people)
    newest = {
        model.__name__: model._default_manager.order_by("pk").last()
        for model in acting_models()
    }
    newest["User"] = people.dave
    newest["Session"] = Session.objects.get(user=people.alice)
    newest["Incident"] = Incident.objects.get(resource_kind="agent")

    offered = {name: buttons(console, row) for name, row in newest.items()}

    assert offered == OFFERED


def test_pages_of_what_is_over_offer_nothing(console, people, alice):
    fill_console(people)
    now = timezone.now()
    Alert.objects.update(status="acknowledged")
    Incident.objects.update(status="closed", ended_at=now)
    ResourceLock.objects.update(released_at=now)
    Review.objects.update(completed_at=now)
    AgentCredential.objects.update(revoked_at=now)
    ApprovalDelegation.objects.update(revoked_at=now, revoked_by=people.bob)
    over = (Alert, Incident, ResourceLock, Review, AgentCredential, ApprovalDelegation)

    found = {model.__name__: buttons(console, model.objects.first()) for model in over}

    assert found == {model.__name__: [] for model in over}
    session = Session.objects.get(user=people.carol)
    Session.objects.filter(pk=session.pk).update(ended_at=now, end_reason="signed_out")
    assert buttons(console, session) == []


def test_an_incident_is_led_to_its_end_on_its_page(console, carol, alice):
    incident = Incident.objects.create(
        trigger="error_count", value="11", resource_kind="user", resource_id=carol.pk
    )

    for state, action in (
        ("open", "acknowledge"),
        ("investigating", "contain"),
        ("contained", "resolve"),
        ("resolved", "close"),
    ):
        assert incident.status == state
        assert action in buttons(console, incident)
        assert "Say why" in press(console, incident, action)
        incident.refresh_from_db()
        assert incident.status == state
        press(console, incident, action, note="As agreed.")
        incident.refresh_from_db()

    assert incident.status == "closed"
    assert buttons(console, incident) == []
    told = AuditEvent.objects.filter(action="incident.updated").order_by("id")
    assert [event.details["status"] for event in told] == [
        *("investigating", "contained", "resolved", "closed"),
    ]
    assert {event.actor_label for event in told} == {"alice"}


def test_an_agent_is_locked_and_unlocked_on_its_page(console, people):
    agent = make_agent(people.carol, acting=people.bob)

    assert buttons(console, agent) == ["lock"]
    press(console, agent, "lock", reason="Odd.")
    assert ResourceLock.objects.get(target_id=agent.pk).released_at is None
    assert buttons(console, agent) == ["unlock"]
    press(console, agent, "unlock", reason="Explained.")
    assert buttons(console, agent) == ["lock"]


def test_whoever_asked_for_a_change_may_only_take_it_back(console, people):
    fill_console(people)
    change = ChangeRequest.objects.get(status="waiting")
    assert buttons(console, change) == ["approve", "reject"]

    own = Client()
    people.bob.role = User.Role.ADMIN
    people.bob.save(update_fields=["role"])
    sign_in(own, people.bob)

    assert buttons(own, change) == ["reject"]


def test_k14_a_page_asks_for_a_fresh_proof_as_the_list_does(console, people):
    lock = lock_resource("agent", agent_of(people).pk, acting=people.bob, reason="Odd.")
    Session.objects.update(authenticated_at=timezone.now() - timedelta(minutes=6))

    answer = console.post(page_of(lock), {"_act": "release", "note": "Explained."})

    assert answer["Location"].startswith("/accounts/reauthenticate/")
    lock.refresh_from_db()
    assert lock.released_at is None


def test_c4_an_action_that_a_page_does_not_have_is_refused(console, people):
    agent = agent_of(people)
    before = everything()
    del before["AuditEvent"]

    for row, action in (
        (agent, "delete_selected"),
        (agent, "nonsense"),
        (people.carol, "__init__"),
    ):
        assert console.post(page_of(row), {"_act": action}).status_code == 403
    missing = f"/admin/agents/agent/{agent.pk}x/change/"
    assert console.post(missing, {"_act": "lock", "reason": "No."}).status_code == 404
    nowhere = "/admin/axes/accessattempt/none_0/change/"
    assert console.post(nowhere, {"_act": "release"}).status_code == 404

    after = everything()
    del after["AuditEvent"]
    assert after == before


def test_n2_and_n9_a_page_acts_for_staff_and_with_its_token_only(people):
    agent = agent_of(people)
    said = {"_act": "lock", "reason": "No."}
    strict, manager = Client(enforce_csrf_checks=True), Client()
    sign_in(strict, people.alice)
    sign_in(manager, people.bob)

    assert strict.post(page_of(agent), said).status_code == 403
    assert manager.post(page_of(agent), said).status_code == 302

    assert not ResourceLock.objects.exists()


def test_what_cannot_be_taken_back_is_asked_twice(console, people):
    people.dave.is_active = False
    people.dave.save(update_fields=["is_active"])

    page = console.get(page_of(people.dave)).content.decode()

    assert buttons(console, people.dave) == ["erase"]
    assert "This cannot be taken back." in page
    press(console, people.dave, "erase")
    people.dave.refresh_from_db()
    assert people.dave.erased_at is not None
    assert buttons(console, people.dave) == []


def test_what_is_removed_on_its_page_leads_to_the_list(console, people):
    limit = ApproverLimit.objects.create(
        person=people.bob, amount_minor=500_00, currency="USD"
    )
    # A second person must agree to that, so somebody else takes it away meanwhile.
    ApproverLimit.objects.filter(pk=limit.pk).delete()

    answer = console.post(page_of(limit), {"_act": "remove"})

    assert answer.status_code == 404


def test_the_way_out_of_a_page_that_is_only_read_says_back(console, people):
    fill_console(people)
    rows: list[Any] = [model._default_manager.first() for model in models()]
    pages = [page_of(row) for row in rows]
    texts = {page: console.get(page).content.decode() for page in pages}

    read_only = [page for page, text in texts.items() if 'name="_save"' not in text]
    assert len(read_only) > 25
    without = [page for page in read_only if ">Back</a>" not in texts[page]]
    assert without == []
    assert [page for page, text in texts.items() if ">Close</a>" in text] == []


def agent_of(people: Any) -> Agent:
    return make_agent(people.carol, acting=people.alice)
