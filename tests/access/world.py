"""One world with an object of everything, and everybody who might ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib import admin
from django.db import transaction
from django.test import Client, RequestFactory
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Session, User
from accounts.seals import person_proving
from accounts.services.sign_in import start_session
from agents.models import Agent
from audit.models import AuditEvent, SavedFilter
from security.changes.models import ChangeRequest
from security.changes.services import Proposal, request_change
from security.incidents.models import Incident
from tests.access.passkeys import new_passkey
from tests.access.table import (
    ADMIN,
    AGENT,
    CALLERS,
    DEACTIVATED,
    MANAGER,
    OTHER_AGENT,
    USER,
)
from tests.access.walk import FOREIGN, NO_OBJECT, OWN_OBJECT
from tests.browsing import sign_in
from tests.factories import SEED_POLICY, make_agent, make_agent_token, make_function
from tests.people import make_people, make_person
from tests.spending import call, credential_of, held
from transactions.approvers.models import ApprovalDelegation


@dataclass(frozen=True, slots=True)
class World:
    """carol's objects and eve's; a client of each kind for each caller.

    The user is carol, the manager bob, who answers for her, the admin alice; the agent
    is carol's, the other agent eve's, and frank was an admin before he was deactivated.
    `objects` are the ids that fill addresses, by whose they are.
    """

    objects: Mapping[str, Mapping[str, str]]
    api: Mapping[str, Client]
    browsers: Mapping[str, Client]


def make_world() -> World:
    """Make everything through the services, as far as there are any."""
    people = make_people()
    # Made by grace, so that nobody else is kept from deciding by having made it.
    grace = make_person("grace", User.Role.ADMIN)
    frank = make_person("frank", User.Role.ADMIN)
    make_function(acting=grace)
    agents = {
        AGENT: make_agent(people.carol, acting=grace),
        OTHER_AGENT: make_agent(people.eve, acting=grace, name="southern"),
    }
    callers = {
        USER: people.carol,
        MANAGER: people.bob,
        ADMIN: people.alice,
        DEACTIVATED: frank,
    }
    for person in (*callers.values(), people.eve):
        _enrol_factors(person)
    own, foreign = (_objects_of(agent, acting=grace) for agent in agents.values())
    own["delegation_id"] = _delegation(people.bob, grace)
    foreign["delegation_id"] = _delegation(people.eve, grace)
    tokens = {name: _token(person) for name, person in callers.items()}
    tokens |= {name: make_agent_token(it, acting=grace) for name, it in agents.items()}
    browsers = {name: _browser(person) for name, person in callers.items()}
    # Not by the service, which ends sign-ins: his go on, and open nothing.
    User.objects.filter(pk=frank.pk).update(is_active=False)
    shared = _shared_objects()
    nothing = dict.fromkeys(own, "none_0") | {"passkeys.pk": "999999"}
    return World(
        objects={
            OWN_OBJECT: shared | own,
            FOREIGN: shared | foreign,
            NO_OBJECT: shared | nothing | dict.fromkeys(SEEN_BY_STAFF, "none_0"),
        },
        api={name: _api(tokens.get(name)) for name in CALLERS},
        browsers={
            name: browsers.get(name) or _anonymous(tokens.get(name)) for name in CALLERS
        },
    )


def _token(person: User) -> str:
    request = RequestFactory().post("/api/v1/auth/token/")
    return start_session(request=request, user=person).access


def _api(token: str | None) -> APIClient:
    client = APIClient(raise_request_exception=False)
    if token is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def _browser(person: User) -> Client:
    client = Client(raise_request_exception=False)
    sign_in(client, person)
    return client


def _anonymous(token: str | None) -> Client:
    headers = {"Authorization": f"Bearer {token}"} if token else None
    return Client(raise_request_exception=False, headers=headers)


def _enrol_factors(person: User) -> None:
    with transaction.atomic(), person_proving(person):
        TOTP.activate(person, generate_totp_secret())
        RecoveryCodes.activate(person)
    Authenticator.objects.create(
        user=person, type=Authenticator.Type.WEBAUTHN, data=new_passkey()
    )


def _objects_of(agent: Agent, acting: User) -> dict[str, str]:
    """Return the ids of an agent and of what belongs to it and to its owner."""
    approval = held(agent)
    _token(agent.owner)
    passkeys = Authenticator.objects.filter(type=Authenticator.Type.WEBAUTHN)
    return {
        "agent_id": agent.pk,
        "change_id": _asked_change(agent, acting).pk,
        "credential_id": credential_of(agent).pk,
        "transaction_id": approval.transaction_id,
        "approval_id": approval.pk,
        "call_id": call(agent).body["id"],
        "filter_id": SavedFilter.objects.create(
            person_id=agent.owner_id, name="mine", query="outcome=refused"
        ).pk,
        "session_id": Session.objects.filter(user=agent.owner).earliest("pk").pk,
        "passkeys.pk": str(passkeys.get(user=agent.owner).pk),
    }


def _delegation(delegator: User, delegate: User) -> str:
    now = timezone.now()
    return ApprovalDelegation.objects.create(
        delegator=delegator,
        delegate=delegate,
        reason="Away.",
        starts_at=now,
        ends_at=now + timedelta(days=1),
    ).pk


def _asked_change(agent: Agent, acting: User) -> ChangeRequest:
    """Ask for looser limits, as the owner could if they managed agents."""
    proposal = Proposal(
        kind="policy",
        target_id=agent.pk,
        target_label=agent.name,
        owner_id=agent.owner_id,
        payload=SEED_POLICY,
        base={"number": 1},
        changes={"daily_budget": ["1.00", None]},
    )
    with transaction.atomic():
        return request_change(proposal, acting=acting)


SEEN_BY_STAFF = ("incident_id", "event_id", "functions.name")


def _shared_objects() -> dict[str, str]:
    """Return what belongs to no person, and what fills the rest of the addresses."""
    incident = Incident.objects.create(
        trigger="error_count",
        value="11",
        resource_kind="user",
        resource_id=User.objects.get(username="carol").pk,
    )
    return {
        "incident_id": incident.pk,
        "event_id": AuditEvent.objects.earliest("pk").pk,
        "functions.name": "transfer",
        "code": "no_policy",
        "vocabularies.name": "categories",
        "uidb36": "none",
        "key": "set-password",
        "app_label": "agents",
        "form": "csv",
        "url": "nothing/here",
        "content_type_id": "1",
        "object_id": "none_0",
        **_console_objects(),
    }


def _console_objects() -> dict[str, str]:
    """Return a row of each model of the console that has one."""
    rows = {
        model._meta.model_name: model._default_manager.order_by("pk").first()
        for model in admin.site._registry
    }
    return {f"{name}.object_id": str(row.pk) for name, row in rows.items() if row}
