"""The first people, agents and functions, so that a new platform can be tried.

Made through the services, as a person would make them. Passwords and secrets are
random and are written only to credentials.json. Every step first checks what exists,
and saves a new secret in a pending file before the database gets it. So a crash at
any point locks nobody out: the next run continues where this one ended.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from accounts.models import Team, User
from accounts.services.people import create_team, create_user
from agents.models import Agent, AgentCredential, Function
from agents.policy.core.draft import parse_terms
from agents.policy.services import set_policy
from agents.services.agents import create_agent
from agents.services.credentials import issue_credential, revoke_credential
from agents.services.functions import register_function
from audit.base.context import System
from platform_site.run.credentials import (
    AgentSecret,
    Credentials,
    Login,
    load_credentials,
    move_durably,
    save_credentials,
)
from security.changes.models import ChangeRequest
from security.changes.services import approve_change
from security.notifications.models import SecurityContact
from security.notifications.services.contacts import set_contact
from security.reviews.services import open_due_reviews

ACTING = System("demo_data")
TEAM = "Operations"
PASSWORD_BYTES = 18  # 24 characters.
ADMIN, MANAGER, USER = User.Role.ADMIN, User.Role.MANAGER, User.Role.USER
# Role by user name. Two of a role where some action needs a second person.
PEOPLE: Mapping[str, str] = {
    "admin": ADMIN,
    "manager": MANAGER,
    "user": USER,
    "admin2": ADMIN,
    "manager2": MANAGER,
}

# The specification's example, and two that differ from it in every respect.
POLICIES: Mapping[str, Mapping[str, object]] = {
    "shopping": {
        "currency": "USD",
        "max_transaction_amount": "1000.00",
        "allowed_merchants": ["Amazon", "Walmart"],
        "blocked_categories": ["gambling", "adult"],
        "requires_approval_above": "500.00",
        "allowed_functions": ["search_products", "place_order"],
    },
    "travel": {
        "currency": "EUR",
        "max_transaction_amount": "2500.00",
        "allowed_merchants": None,
        "blocked_categories": ["gambling", "adult", "crypto", "cash"],
        "requires_approval_above": "300.00",
        "daily_budget": "4000.00",
        "max_transactions_per_hour": 20,
        "allowed_functions": ["search_products", "send_itinerary"],
    },
    "treasury": {
        "currency": "USD",
        "max_transaction_amount": "250000.00",
        "allowed_merchants": ["Acme Payroll", "City Utilities", "State Tax Office"],
        "blocked_categories": ["gambling", "adult", "crypto", "cash", "gifts"],
        "requires_approval_above": "0.00",
        "daily_budget": "500000.00",
        "max_transactions_per_hour": 4,
        "allowed_functions": [],
        "requires_signature": True,
    },
}

CONTACTS: Mapping[str, Mapping[str, str]] = {
    SecurityContact.Position.PRIMARY: {
        "name": "Security Team Lead",
        "email": "security@example.com",
        "phone": "+1-xxx-xxx-xxxx",
    },
    SecurityContact.Position.BACKUP: {
        "name": "Security Engineer",
        "email": "security-backup@example.com",
        "phone": "+1-xxx-xxx-xxxx",
    },
}


@dataclass(frozen=True, slots=True)
class DemoFunction:
    """A function, its effect and its parameters."""

    name: str
    description: str
    effect: str
    properties: Mapping[str, Any]

    @property
    def schema(self) -> dict[str, Any]:
        """A JSON Schema: all parameters are required, and no others are allowed."""
        return {
            "type": "object",
            "properties": dict(self.properties),
            "required": list(self.properties),
            "additionalProperties": False,
        }


FUNCTIONS = (
    DemoFunction(
        "search_products",
        "Search the catalogues of all shops.",
        "read",
        {
            "query": {"type": "string", "minLength": 2, "maxLength": 200},
            "limit": {"type": "integer", "minimum": 1, "maximum": 50},
        },
    ),
    DemoFunction(
        "place_order",
        "Order one product; paying for it is a transaction of its own.",
        "write",
        {
            "product_id": {"type": "string", "minLength": 1, "maxLength": 64},
            "quantity": {"type": "integer", "minimum": 1, "maximum": 10},
        },
    ),
    DemoFunction(
        "send_itinerary",
        "Send a booked itinerary to the traveller by mail.",
        "send",
        {
            "recipient": {"type": "string", "minLength": 3, "maxLength": 254},
            "itinerary_id": {"type": "string", "minLength": 1, "maxLength": 64},
        },
    ),
)


def make_demo(
    path: Path,
    *,
    base_url: str,
    admin_only: bool,
    password_lifetime: timedelta | None,
    say: Callable[[str], None],
) -> None:
    """Make what is missing and save its secrets in the file at `path`, mode 0600.

    With `password_lifetime` the passwords expire then, or at their first use. A second
    run changes only the base URL. If people exist but the file is gone, nobody is made
    or reset: `say` gets a text on how to make new passwords. Raises CredentialsError if
    an existing file cannot be read.
    """
    pending = path.with_name(f"{path.name}.pending")
    source = next((one for one in (pending, path) if one.exists()), None)
    if source is None and User.objects.exists():
        save_credentials(path, Credentials(base_url))
        say(_lost_message(path))
        return
    known = load_credentials(source) if source else Credentials(base_url)
    if not pending.exists() and _is_complete(known, admin_only=admin_only):
        if known.base_url != base_url:
            save_credentials(path, replace(known, base_url=base_url))
        return
    maker = DemoMaker(replace(known, base_url=base_url), pending, password_lifetime)
    maker.make(admin_only=admin_only)
    move_durably(pending, path)


def _is_complete(known: Credentials, *, admin_only: bool) -> bool:
    """Return whether the file and the database have all that this run would make.

    A file without people was written after the file was lost; it is not extended.
    """
    if not known.users:
        return User.objects.exists()
    people = {ADMIN} if admin_only else {*PEOPLE}
    agents = set() if admin_only else set(POLICIES)
    if not people <= known.users.keys() or not agents <= {a.name for a in known.agents}:
        return False
    names = [login.username for login in known.users.values()]
    ids = [agent.id for agent in known.agents]
    return User.objects.filter(username__in=names).count() == len(
        names
    ) and Agent.objects.filter(pk__in=ids).count() == len(ids)


def _lost_message(path: Path) -> str:
    return (
        f"{path} is gone, so the passwords can no longer be read. The people and "
        "agents stay as they are. `manage.py changepassword NAME` sets a new "
        "password; a signed-in administrator issues agents new credentials."
    )


class DemoMaker:
    """Makes what is missing, saving each secret in the pending file first."""

    def __init__(
        self, known: Credentials, pending: Path, password_lifetime: timedelta | None
    ) -> None:
        self.known = known
        self.pending = pending
        self.password_lifetime = password_lifetime

    def make(self, *, admin_only: bool) -> None:
        """Make the administrator and, unless `admin_only`, everything else."""
        admin = self._person("admin", None)
        self._save_pending(self.known)
        if admin_only:
            return
        for position, contact in CONTACTS.items():
            if not SecurityContact.objects.filter(position=position).exists():
                set_contact(position, **contact, acting=ACTING)
        open_due_reviews(now=timezone.now())
        team = Team.objects.filter(name=TEAM).first()
        team = team or create_team(name=TEAM, acting=ACTING)
        self._person("manager", team)
        owner = self._person("user", team)
        second = self._person("admin2", None)
        self._person("manager2", team)
        # The person who runs this has the platform's keys: no further proof is needed.
        admin.authenticated_at = second.authenticated_at = timezone.now()
        for function in FUNCTIONS:
            _register(function, admin)
        for name in POLICIES:
            self._agent(name, owner, admin, second)

    def _save_pending(self, credentials: Credentials) -> None:
        save_credentials(self.pending, credentials)
        self.known = credentials

    def _person(self, name: str, team: Team | None) -> User:
        """Return the person of this name; make them with the file's password."""
        login = self.known.users.get(name)
        if login is None:
            login = Login(name, secrets.token_urlsafe(PASSWORD_BYTES))
            self._save_pending(self.known.with_user(name, login))
        person = User.objects.filter(username=login.username).first()
        return person or create_user(
            username=login.username,
            password=login.password,
            password_lasts=self.password_lifetime,
            role=PEOPLE[name],
            team=team,
            full_name=f"Demo {name}",
            email=f"{name}@example.com",
            acting=ACTING,
        )

    def _agent(self, name: str, owner: User, admin: User, second: User) -> None:
        """Make an agent, its policy, and a credential that is saved in the file."""
        agent = Agent.objects.filter(owner=owner, name=name).first()
        agent = agent or create_agent(name, owner_id=owner.pk, acting=admin)
        if agent.policy_version_id is None:
            terms = parse_terms(POLICIES[name])
            change = set_policy(agent.pk, terms, acting=admin)
            if isinstance(change, ChangeRequest):
                approve_change(change.pk, acting=second)
        saved = self.known.agent(name)
        if saved is not None and _has_credential(agent, saved):
            return
        # Issued before a crash: nobody has received their secrets.
        for credential in agent.credentials.filter(revoked_at=None):
            revoke_credential(
                agent.pk, credential.pk, reason="secret_lost", acting=admin
            )
        issued = issue_credential(agent.pk, acting=admin)
        secret = AgentSecret(
            agent.pk, name, issued.id, issued.client_secret, issued.signing_secret
        )
        self._save_pending(self.known.with_agent(secret))


def _has_credential(agent: Agent, saved: AgentSecret) -> bool:
    return AgentCredential.objects.filter(agent=agent, pk=saved.client_id).exists()


def _register(function: DemoFunction, admin: User) -> None:
    if Function.objects.filter(name=function.name).exists():
        return
    register_function(
        function.name,
        schema=function.schema,
        effect=function.effect,
        description=function.description,
        acting=admin,
    )
