"""What people write for others to read shows all that it is, or is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db.models import CharField, TextField
from django.test import Client
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from accounts.errors import UsernameRefused
from accounts.models import Team, User
from accounts.services.people import create_team, create_user, rename_team, update_user
from agents.errors import FunctionNameRefused
from agents.models import Agent
from agents.policy.core.draft import PolicyInvalid, parse_terms
from agents.policy.services import set_policy
from agents.services.agents import create_agent, update_agent
from agents.services.functions import register_function
from audit.base.errors import NameRefused, TextRefused
from audit.base.ids import PrefixedIdField
from audit.errors import FilterRefused
from audit.services.saved_filters import save_filter
from security.alerts.models import Alert
from security.alerts.services import acknowledge_alert
from security.changes.models import ChangeRequest
from security.changes.services import approve_change, reject_change
from security.incidents.models import Incident
from security.incidents.services import update_incident
from security.locks.services import lock_resource, unlock_resource
from security.notifications.services.contacts import set_contact
from security.reviews.models import Review
from security.reviews.services import complete_review
from tests.browsing import sign_in
from tests.factories import SEED_POLICY, make_agent, make_function
from tests.people import People, make_person
from tests.spending import approve, everything, held
from tests.transactions.moving import act
from transactions.approvals.models import ApprovalRequest
from transactions.approvals.queries.approvals import etag_of
from transactions.approvals.services import approvals
from transactions.approvers.models import ApprovalDelegation
from transactions.approvers.services.delegations import create_delegation
from transactions.money.api.late_captures import LateCaptureInput
from transactions.money.services.late_captures import reverse_late_capture

ROOMS = ("transactions", "agents", "accounts", "security", "audit")


@dataclass
class World:
    """The writer, and what they write about."""

    people: People
    agent: Agent
    approval: ApprovalRequest
    change: ChangeRequest
    locked: Agent
    incident: Incident
    review: Review
    alert: Alert

    @property
    def alice(self) -> User:
        return self.people.alice


@pytest.fixture
def world(people: People, agent: Agent) -> World:
    looser = parse_terms({**SEED_POLICY, "max_transaction_amount": "5000.00"})
    change = set_policy(agent.pk, looser, acting=make_person("heidi", "admin"))
    assert isinstance(change, ChangeRequest)
    locked = make_agent(people.carol, acting=people.bob, name="locked")
    lock_resource("agent", locked.pk, acting=people.bob, reason="Odd.")
    now = timezone.now()
    incident = Incident.objects.create(
        trigger="risk",
        value="1",
        resource_kind="agent",
        resource_id=locked.pk,
        resource_label="locked",
        owner_id=people.carol.pk,
        source_event_id=1,
        opened_at=now,
    )
    review = Review.objects.create(cadence="weekly", period_start=now, due_at=now)
    alert = Alert.objects.create(
        metric="late_capture", count=1, threshold=1, window_start=now
    )
    return World(people, agent, held(agent), change, locked, incident, review, alert)


def person(field: str) -> Callable[[World, str], object]:
    """Write of a person, a new one and one who is there, in a field."""

    def write(world: World, text: str) -> object:
        given: Any = {field: text}
        with pytest.raises(NameRefused):
            create_user(username="new", role="user", acting=world.alice, **given)
        return update_user(user=world.people.carol, acting=world.alice, **given)

    return write


def contact(**given: str) -> Callable[[World, str], object]:
    def write(world: World, text: str) -> object:
        field = next(iter(given))
        return set_contact(
            "primary",
            acting=world.alice,
            **{"name": "Lead", "email": "lead@example.com", field: text},
        )

    return write


def decide(word: Callable[..., object]) -> Callable[[World, str], object]:
    return lambda world, text: word(
        world.approval.pk,
        acting=world.people.bob,
        reason=text,
        expected_digest=etag_of(world.approval),
    )


def refund(world: World, text: str) -> object:
    return act(world.agent, "refund", "txn_1", amount="1.00", reason=text)


# Of one line. By column, or by its name where only the log has it.
LINES: Mapping[str, Callable[[World, str], object]] = {
    "accounts_user.full_name": person("full_name"),
    "accounts_user.email": person("email"),
    "accounts_user.phone": person("phone"),
    "accounts_user.username": lambda w, text: create_user(
        username=text, role="user", acting=w.alice
    ),
    "accounts_team.name": lambda w, text: create_team(name=text, acting=w.alice),
    "accounts_team.name again": lambda w, text: rename_team(
        team=Team.objects.get(pk=w.people.north.pk), name=text, acting=w.alice
    ),
    "agents_agent.name": lambda w, text: create_agent(
        text, owner_id=w.people.carol.pk, acting=w.alice
    ),
    "agents_agent.name again": lambda w, text: update_agent(
        w.agent.pk, name=text, acting=w.alice
    ),
    "agents_function.name": lambda w, text: make_function(text, acting=w.alice),
    "agents_function.description": lambda w, text: register_function(
        "look",
        schema={"type": "object"},
        effect="read",
        description=text,
        acting=w.alice,
    ),
    "agents_policyversion.allowed_merchants": lambda _, text: parse_terms(
        {**SEED_POLICY, "allowed_merchants": [text]}
    ),
    "security_securitycontact.name": contact(name=""),
    "security_securitycontact.email": contact(email=""),
    "security_securitycontact.phone": contact(phone=""),
    "transactions_latecapture.reference": lambda _, text: LateCaptureInput(
        data={"amount": "1.00", "reference": text}
    ).is_valid(raise_exception=True),
    "audit_savedfilter.name": lambda w, text: save_filter(
        text, "action=x", acting=w.alice
    ),
}
# Of several lines, maybe.
TEXTS: Mapping[str, Callable[[World, str], object]] = {
    "security_resourcelock.reason": lambda w, text: lock_resource(
        "agent", w.agent.pk, acting=w.alice, reason=text
    ),
    "security_resourcelock.release_reason": lambda w, text: unlock_resource(
        "agent", w.locked.pk, acting=w.alice, reason=text
    ),
    "security_changerequest.reason": lambda w, text: approve_change(
        w.change.pk, acting=w.alice, reason=text
    ),
    "security_changerequest.reason again": lambda w, text: reject_change(
        w.change.pk, acting=w.alice, reason=text
    ),
    "security_review.note": lambda w, text: complete_review(
        w.review.pk, acting=w.alice, note=text
    ),
    "an alert's note": lambda w, text: acknowledge_alert(
        w.alert.pk, acting=w.alice, note=text
    ),
    "an incident's note": lambda w, text: update_incident(
        w.incident.pk, "acknowledge", acting=w.alice, note=text
    ),
    "transactions_approvalvote.reason": decide(approvals.approve),
    "transactions_approvalrequest.reason": decide(approvals.deny_approval),
    "transactions_approvaldelegation.reason": lambda w, text: create_delegation(
        w.people.eve.pk,
        starts_at=None,
        ends_at=timezone.now() + timedelta(days=1),
        reason=text,
        acting=w.people.bob,
    ),
    "transactions_latecapturereversal.reason": lambda w, text: reverse_late_capture(
        "txn_1", reference="r", reason=text, acting=w.people.bob
    ),
    "transactions_refund.reason": refund,
}
REFUSALS = (
    NameRefused,
    TextRefused,
    UsernameRefused,
    FunctionNameRefused,
    FilterRefused,
    PolicyInvalid,
    ValidationError,
)
# A terminal's escape, a text turned round, what shows nothing, a line hidden by a CR.
UNSEEN = ["a\u202eb", "a\x1b[31mb", "a\x00b", "a\u200bb", "a\u3164b", "a\x85b", "a\rb"]
# Agents' own words, kept as they were sent; pages write out what is unseen.
WRITTEN_OUT = {
    "accounts_session.user_agent",
    "audit_auditevent.user_agent",
    "transactions_functioncall.function",
    "transactions_transaction.description",
    "transactions_transaction.unknown_category",
}
# Made by us, of a form or a list that we know, or of what is checked where it begins.
OURS = """
accounts_session end_reason method refresh_hash
accounts_user password
agents_agentcredential public_key secret_hash signing_secret
agents_policyversion digest
audit_auditevent action actor_id actor_kind actor_label owner_id request_id target_id
audit_auditevent target_kind target_label
audit_auditleaf event_id
audit_checkpoint note
audit_readercursor name
audit_savedfilter person_id query
security_alert acknowledged_by metric
security_changerequest owner_id requested_by requested_by_id resolved_by resolved_by_id
security_changerequest target_id target_label
security_incident owner_id resource_id resource_label source_event_id trigger value
security_incidentstep result
security_notification body channel dedupe_key last_error recipient subject
security_requestnonce key_id nonce
security_resourcelock locked_by locked_by_id released_by target_id target_label
security_review completed_by
transactions_approvalrequest action_digest required_role
transactions_approvalvote action_digest required_role
transactions_approverlimit currency
transactions_budget counted_under currency holder scope window
transactions_decision digest
transactions_functioncall parameters_digest
transactions_idempotencyrecord key request_digest response
transactions_ledgerentry currency
transactions_merchantactivity merchant merchant_key skeleton
transactions_sharedbudget currency time_zone
transactions_transaction category currency mcc merchant merchant_country merchant_key
"""


def columns() -> set[str]:
    """Return every column of ours that holds a text of no closed set."""
    return {
        f"{model._meta.db_table}.{field.name}"
        for model in apps.get_models()
        if model._meta.app_label in ROOMS
        for field in model._meta.concrete_fields
        if isinstance(field, CharField | TextField) and not field.choices
        if not isinstance(field, PrefixedIdField)
    }


def ours() -> set[str]:
    lines = [line.split() for line in OURS.splitlines() if line]
    return {f"{table}.{name}" for table, *names in lines for name in names}


def test_every_text_that_is_kept_says_who_writes_it():
    written = {name.removesuffix(" again") for name in (*LINES, *TEXTS)}
    written = {name for name in written if "_" in name}

    # A list of texts, which is no column of texts.
    written -= {"agents_policyversion.allowed_merchants"}
    assert columns() == written | WRITTEN_OUT | ours()
    assert len(written) > 20


@pytest.mark.parametrize("name", LINES)
def test_c5_a_line_that_shows_not_all_that_it_is_is_refused(world: World, name: str):
    before = everything()

    for text in (*UNSEEN, "a\nb", "a\r\nb"):
        with pytest.raises(REFUSALS):
            LINES[name](world, text)

    assert everything() == before


@pytest.mark.parametrize("name", TEXTS)
def test_c5_a_text_that_shows_not_all_that_it_is_is_refused(world: World, name: str):
    before = everything()

    for text in UNSEEN:
        with pytest.raises(TextRefused):
            TEXTS[name](world, text)

    assert everything() == before


def test_a_text_of_several_lines_is_taken(world: World):
    said = "Seen.\r\nTwice:\n\ta \u26a0\ufe0f in \u00e9t\u00e9."

    approve(world.approval, world.people.bob, reason=said)

    world.approval.refresh_from_db()
    assert world.approval.reason == said


def test_by_api_the_field_is_named(world: World, client_for):
    body = {"name": "look", "description": "a\u202eb", "effect": "read", "schema": {}}
    described = client_for(world.alice).post("/api/v1/functions/", body)
    stopped = client_for(world.people.bob).post(
        f"/api/v1/agents/{world.agent.pk}/lock/", {"reason": "a\x1b[31mb"}
    )

    for answer, code, pointer in (
        (described, "name_refused", "/description"),
        (stopped, "text_refused", "/reason"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


def test_by_pages_too(world: World):
    bob = Client()
    sign_in(bob, world.people.bob)
    page = f"/approvals/{world.approval.pk}/"
    form = {
        "verdict": "deny",
        "reason": "a\u202eb",
        "expected_digest": etag_of(world.approval),
    }
    delegation = {
        "delegate": world.people.eve.pk,
        "ends_at": f"{timezone.now() + timedelta(days=1):%Y-%m-%dT%H:%M}",
        "reason": "a\u202eb",
    }

    denied = bob.post(page, form)
    delegated = bob.post("/approvals/delegations/", delegation)

    assert (denied.status_code, delegated.status_code) == (400, 400)
    for answer in (denied, delegated):
        assert TextRefused.detail in answer.content.decode()
    world.approval.refresh_from_db()
    assert world.approval.status == "waiting"
    assert not ApprovalDelegation.objects.exists()


def test_in_the_console_too(world: World):
    alice = Client()
    sign_in(alice, world.alice)
    form = {"username": "frank", "role": "user", "full_name": "a\u202eb"}

    answer = alice.post("/admin/accounts/user/add/", form)

    assert answer.status_code == 200
    assert NameRefused.detail in answer.content.decode()
    assert not User.objects.filter(username="frank").exists()
