"""Short ways to ask, hold and see, in tests that are about something else."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection
from django.utils import timezone

from accounts.models import Session, User
from agents.models import Agent, AgentCredential
from agents.principals import AgentPrincipal
from audit.base.context import acting_as
from audit.models import AuditEvent
from transactions.approvals.models import ApprovalRequest
from transactions.approvals.queries.approvals import approval_for, etag_of
from transactions.approvals.services import approvals
from transactions.budgets.core.ledger import balances
from transactions.budgets.models import LedgerEntry, Reservation
from transactions.calls.services import request_function_call
from transactions.decisions.services.answers import Answer
from transactions.spending.services.asking import Ask
from transactions.spending.services.spending import request_transaction

ADDRESS = "203.0.113.7"
ROOMS = ("transactions", "agents", "accounts", "security", "audit")


def credential_of(agent: Agent) -> AgentCredential:
    """Return a credential that the agent's creator issued."""
    owned = AgentCredential.objects.filter(agent=agent, revoked_at=None)
    return owned.first() or AgentCredential.objects.create(
        agent=agent,
        created_by_id=agent.created_by_id,
        secret_hash="",
        expires_at=timezone.now() + timedelta(days=90),
    )


def principal_of(agent: Agent) -> AgentPrincipal:
    """Return the caller that authentication makes of an agent's token."""
    return AgentPrincipal(
        principal_id=agent.pk,
        owner_id=agent.owner_id,
        label=agent.name,
        mode=agent.mode,
        credential_id=credential_of(agent).pk,
        authenticated_at=None,
        policy_version_id=agent.policy_version_id,
    )


def ask_for(amount: Any = "49.99", merchant: str = "Amazon", **values: Any) -> Ask:
    """Return the specification's request with other values."""
    given = {"currency": None, "category": "electronics"} | values
    return Ask(amount=amount, merchant=merchant, **given)


_keys = iter(range(10**9))


def spend(
    agent: Agent, amount: Any = "49.99", *, key: str | None = None, **values: Any
) -> Answer:
    """Ask for an agent, under a new Idempotency-Key unless one is given."""
    principal = principal_of(agent)
    with acting_as(principal, address=ADDRESS, user_agent="tests", request_id="req-1"):
        return request_transaction(
            ask_for(amount, **values),
            acting=principal,
            idempotency_key=key or f"key-{next(_keys)}",
        )


def held(agent: Agent, amount: Any = "750.00", **values: Any) -> ApprovalRequest:
    """Return the approval request of a new held transaction."""
    body = spend(agent, amount, **values).body
    assert body["outcome"] == "hold", body
    return ApprovalRequest.objects.select_related("transaction").get(
        pk=body["approval"]["id"]
    )


def call(
    agent: Agent,
    function: str = "transfer",
    parameters: Any = None,
    *,
    key: str | None = None,
    acting: AgentPrincipal | None = None,
) -> Answer:
    """Ask to call a function, under a new Idempotency-Key unless one is given."""
    principal = acting or principal_of(agent)
    with acting_as(principal, address=ADDRESS):
        return request_function_call(
            function,
            parameters or {},
            acting=principal,
            idempotency_key=key or f"key-{next(_keys)}",
        )


def seen_by(person: Any, approval: ApprovalRequest) -> str:
    """Return the ETag of what a person sees of an approval request now."""
    return etag_of(approval_for(person, approval.pk))


def everything() -> dict[str, list[Any]]:
    """Return all rows of all our tables, to show that nothing changed.

    Except those about sign-ins and credentials, which tests make by the way.
    The database puts each row into JSON: rebuilding models took a third of a test.
    """
    with connection.cursor() as cursor:
        cursor.execute(_everything_sql())
        return {table: json.loads(rows) for table, rows in cursor}


@cache
def _everything_sql() -> str:
    # All names in the text are those of our own models and tables.
    rows = "coalesce(jsonb_agg(t ORDER BY t::text), '[]')"
    return " UNION ALL ".join(
        f"SELECT '{table.__name__}', {rows} FROM {table._meta.db_table} t"  # noqa: S608
        for room in ROOMS
        for table in apps.get_app_config(room).get_models()
        if table not in (Session, User, AgentCredential)
    )


def set_aside_minor() -> int:
    """Return all money that is set aside, by the ledger and by the reservations."""
    entries = LedgerEntry.objects.values_list("credit", "debit", "amount_minor")
    by_ledger = balances(entries).get("reserved", 0)
    assert by_ledger == sum(
        reservation.outstanding_minor for reservation in Reservation.objects.all()
    )
    return by_ledger


def events_since(before: list[Any]) -> list[AuditEvent]:
    """Return the events that were not among everything()["AuditEvent"], in order."""
    known = {row["id"] for row in before}
    return [
        event for event in AuditEvent.objects.order_by("id") if event.id not in known
    ]


def approve(
    approval: ApprovalRequest,
    person: Any,
    *,
    digest: str | None = None,
    reason: str = "Fine.",
) -> ApprovalRequest:
    """Approve what a person sees now, or what they saw when they noted its digest."""
    return approvals.approve(
        approval.pk,
        acting=person,
        reason=reason,
        expected_digest=seen_by(person, approval) if digest is None else digest,
    )


def deny(
    approval: ApprovalRequest,
    person: Any,
    *,
    digest: str | None = None,
    reason: str = "Too much.",
) -> ApprovalRequest:
    """Deny what a person sees now, or what they saw when they noted its digest."""
    return approvals.deny_approval(
        approval.pk,
        acting=person,
        reason=reason,
        expected_digest=seen_by(person, approval) if digest is None else digest,
    )


def make_due(approval: ApprovalRequest) -> None:
    """Let the time to decide be over since a second ago."""
    at = timezone.now() - timedelta(seconds=1)
    ApprovalRequest.objects.filter(pk=approval.pk).update(expires_at=at)
