"""What gives rights, changes who somebody is or opens something takes a fresh proof."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.services.erasure import erase_person
from accounts.services.lock_outs import release_lock_out
from accounts.services.password_reset import start_password_reset
from accounts.services.people import create_team, create_user, update_user
from accounts.services.provisioning import confirm_account
from accounts.services.second_factors import remove_second_factors
from accounts.services.sessions import revoke_all_sessions
from agents.models import Agent
from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from agents.services.agents import create_agent, lock_agent, update_agent
from agents.services.credentials import (
    issue_credential,
    revoke_credential,
    rotate_credential,
)
from agents.services.functions import add_function_version, set_function_enabled
from security import step_up
from security.changes.services import approve_change
from security.encryption.services import rotate_keys
from security.errors import StepUpRequired
from security.locks.services import lock_resource, unlock_resource
from security.notifications.services.contacts import set_contact
from tests.factories import SEED_POLICY, TRANSFER_SCHEMA, make_credential, make_function
from tests.people import People
from tests.spending import everything
from transactions.approvers.services.delegations import create_delegation
from transactions.approvers.services.limits import set_approver_limit
from transactions.budgets.services.shared_budgets import (
    SharedBudgetTerms,
    set_shared_budget,
)
from transactions.hand_overs.services import hand_over_agent
from transactions.money.services.late_captures import (
    report_late_capture,
    reverse_late_capture,
)


@dataclass
class World:
    """A person with a proof that is six minutes old, and what they act on."""

    acting: User
    people: People
    agent: Agent
    credential: str


@pytest.fixture
def world(people: People, agent: Agent) -> World:
    credential = make_credential(agent, acting=people.alice).id
    make_function(acting=people.alice)
    set_function_enabled("transfer", is_enabled=False, acting=people.alice)
    idle = create_agent("idle", owner_id=people.carol.pk, acting=people.bob)
    update_agent(idle.pk, is_active=False, acting=people.alice)
    update_user(user=people.dave, is_active=False, acting=people.alice)
    lock_resource("merchant", "shady", acting=people.alice, reason="Odd.")
    acting = User.objects.get(pk=people.alice.pk)
    acting.authenticated_at = timezone.now() - timedelta(minutes=6)
    return World(acting, people, agent, credential)


def idle() -> str:
    return Agent.objects.get(name="idle").pk


def terms(**changes: Any) -> Any:
    return parse_terms({**SEED_POLICY, **changes})


def update(world: World, person: str, **changes: Any) -> object:
    user = getattr(world.people, person)
    return update_user(user=user, acting=world.acting, **changes)


REFUSED: Mapping[str, Callable[[World], object]] = {
    "accounts.confirm_account": lambda w: confirm_account(
        user=w.people.carol, acting=w.acting
    ),
    "accounts.create_user": lambda w: create_user(
        username="puppet", role="admin", acting=w.acting
    ),
    "accounts.erase_person": lambda w: erase_person(
        user=w.people.dave, acting=w.acting
    ),
    "accounts.release_lock_out": lambda w: release_lock_out(
        username="carol", address=None, acting=w.acting
    ),
    "accounts.remove_second_factors": lambda w: remove_second_factors(
        user=w.people.carol, acting=w.acting
    ),
    "accounts.start_password_reset": lambda w: start_password_reset(
        user=w.people.bob, acting=w.acting
    ),
    "accounts.update_user role": lambda w: update(w, "carol", role="manager"),
    "accounts.update_user email": lambda w: update(w, "carol", email="x@example.com"),
    "accounts.update_user team": lambda w: update(w, "carol", team=w.people.south),
    "accounts.update_user activation": lambda w: update(w, "dave", is_active=True),
    "agents.add_function_version": lambda w: add_function_version(
        "transfer", schema=TRANSFER_SCHEMA, effect="read", acting=w.acting
    ),
    "agents.issue_credential": lambda w: issue_credential(w.agent.pk, acting=w.acting),
    "agents.register_function": lambda w: make_function("pay", acting=w.acting),
    "agents.rotate_credential": lambda w: rotate_credential(
        w.agent.pk, w.credential, acting=w.acting
    ),
    "agents.set_function_enabled": lambda w: set_function_enabled(
        "transfer", is_enabled=True, acting=w.acting
    ),
    "agents.set_policy": lambda w: set_policy(
        w.agent.pk, terms(max_transaction_amount="1000.01"), acting=w.acting
    ),
    "agents.set_policy first": lambda w: set_policy(idle(), terms(), acting=w.acting),
    "agents.update_agent": lambda w: update_agent(
        idle(), is_active=True, acting=w.acting
    ),
    "security.approve_change": lambda w: approve_change("chg_1", acting=w.acting),
    "security.rotate_keys": lambda w: rotate_keys(lambda: None, acting=w.acting),
    "security.set_contact": lambda w: set_contact(
        "primary", name="Eve", email="eve@example.com", acting=w.acting
    ),
    "security.unlock_resource": lambda w: unlock_resource(
        "merchant", "shady", acting=w.acting, reason="Fine."
    ),
    "transactions.create_delegation": lambda w: create_delegation(
        w.people.bob.pk,
        starts_at=None,
        ends_at=timezone.now() + timedelta(days=1),
        reason="Away.",
        acting=w.acting,
    ),
    "transactions.hand_over_agent": lambda w: hand_over_agent(
        w.agent.pk, owner_id=w.people.dave.pk, reason="He left.", acting=w.acting
    ),
    "transactions.report_late_capture": lambda w: report_late_capture(
        "txn_1", amount="1.00", reference="r", acting=w.acting
    ),
    "transactions.reverse_late_capture": lambda w: reverse_late_capture(
        "txn_1", reference="r", reason="Wrong.", acting=w.acting
    ),
    "transactions.set_approver_limit": lambda w: set_approver_limit(
        w.people.bob, (100_00, "USD"), acting=w.acting
    ),
    "transactions.set_shared_budget": lambda w: set_shared_budget(
        SharedBudgetTerms(
            team_id=None, currency="USD", period="month", limit_minor=10**12
        ),
        acting=w.acting,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_c17_a_proof_of_six_minutes_ago_is_not_enough(world: World, name: str):
    people = list(User.objects.order_by("pk").values())
    before = everything()

    with pytest.raises(StepUpRequired):
        REFUSED[name](world)

    assert everything() == before
    assert list(User.objects.order_by("pk").values()) == people


def test_c17_each_service_that_takes_a_proof_is_tried():
    told = {name.split()[0].partition(".")[2] for name in REFUSED}

    assert {full.rpartition(".")[2] for full in step_up.TAKING_PROOF} <= told


STOPS: Mapping[str, Callable[[World], object]] = {
    "deactivate a person": lambda w: update(w, "carol", is_active=False),
    "deactivate an agent": lambda w: update_agent(
        w.agent.pk, is_active=False, acting=w.acting
    ),
    "lock an agent": lambda w: lock_agent(w.agent.pk, reason="Odd.", acting=w.acting),
    "revoke a credential": lambda w: revoke_credential(
        w.agent.pk, w.credential, acting=w.acting
    ),
    "tighten a policy": lambda w: set_policy(
        w.agent.pk, terms(requires_approval_above="10.00"), acting=w.acting
    ),
    "end sign-ins": lambda w: revoke_all_sessions(
        user=w.people.carol, acting=w.acting, reason="by_admin"
    ),
    "make a team": lambda w: create_team(name="West", acting=w.acting),
}


@pytest.mark.parametrize("name", STOPS)
def test_c17_what_stops_never_waits_for_a_proof(world: World, name: str):
    before = everything()

    STOPS[name](world)

    assert everything() != before
