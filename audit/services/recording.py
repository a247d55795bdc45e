"""One fact, one event: masked, and in the transaction of the change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone

from audit.base import context
from audit.base.context import Principal
from audit.base.core.masking import mask
from audit.base.errors import DomainError, Forbidden
from audit.core.actions import check_action
from audit.models import AuditEvent

Outcome = AuditEvent.Outcome


def build_event(
    action: str,
    *,
    target: tuple[str, str, str] = ("", "", ""),
    owner_id: str = "",
    outcome: str = Outcome.SUCCESS,
    details: Mapping[str, object] | None = None,
    actor: Principal | None = None,
    occurred_at: datetime | None = None,
) -> AuditEvent:
    """Return the masked, unsaved event, for a write that batches several rows.

    `target` is (kind, id, label). The actor, address, user agent and request id
    come from the request context unless an actor is given. Nothing raw enters:
    details and labels are masked here. Raises SensitiveDataRefused on a card
    security code, AssertionError on an action outside of the catalogue.
    """
    request = context.current()
    principal = actor or request.principal
    facts = dict(details or {})
    check_action(action, facts)
    kind, target_id, label = target
    return AuditEvent(
        occurred_at=occurred_at or timezone.now(),
        action=action,
        outcome=outcome,
        actor_kind=principal.kind,
        actor_id=principal.principal_id,
        actor_label=masked_text(principal.label, 200),
        owner_id=owner_id or principal.owner_id,
        target_kind=kind,
        target_id=target_id,
        target_label=masked_text(label, 200),
        address=request.address,
        user_agent=masked_text(request.user_agent, 300),
        request_id=request.request_id[:64],
        details=mask(facts),
    )


def record(
    action: str,
    *,
    target: tuple[str, str, str] = ("", "", ""),
    owner_id: str = "",
    outcome: str = Outcome.SUCCESS,
    details: Mapping[str, object] | None = None,
    actor: Principal | None = None,
) -> AuditEvent:
    """Write one event in the database transaction of the change.

    Call it inside `transaction.atomic`: if the event cannot be written, the change
    does not happen. One INSERT. See build_event for the arguments.
    """
    if not connection.in_atomic_block:
        raise AssertionError("record() belongs in the transaction of the change.")
    event = build_event(
        action,
        target=target,
        owner_id=owner_id,
        outcome=outcome,
        details=details,
        actor=actor,
    )
    event.save(force_insert=True)
    return event


def record_refusal(*, method: str | None, path: str, status: int, code: str) -> None:
    """Write down that a request was refused, or (from 500) that we failed. 1 INSERT."""
    with transaction.atomic():
        record(
            "request.failed" if status >= 500 else "request.refused",
            outcome=Outcome.REFUSED,
            details={
                "status": status,
                "code": code,
                "method": method,
                "path": path[:300],
            },
        )


def record_forbidden(request: HttpRequest, error: DomainError) -> None:
    """Write down that a page refused what the person may not do. 1 INSERT, or none.

    For pages that show the refusal themselves; other kinds of errors are not recorded.
    """
    if isinstance(error, Forbidden):
        record_refusal(
            method=request.method,
            path=request.path,
            status=error.status,
            code=error.code,
        )


def record_viewed(
    *, filters: Mapping[str, object], event: AuditEvent | None = None
) -> None:
    """Write down that somebody read the log: a list by its filters, or one event.

    Call it after the permission was checked and before the answer leaves. 1 INSERT.
    """
    seen = ("audit_event", event.pk, event.action) if event else ("", "", "")
    with transaction.atomic(durable=True):
        record("audit.viewed", target=seen, details={"filters": dict(filters)})


def masked_text(value: str, limit: int) -> str:
    """Mask a free text and cut it to its column; NUL cannot be stored at all."""
    masked = mask(value)
    assert isinstance(masked, str)  # noqa: S101 - mask() keeps a text a text.
    return masked.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:limit]
