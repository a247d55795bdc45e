"""Makes audit events that lie at chosen instants."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from agents.principals import AgentPrincipal
from audit.base.context import Anonymous, Principal, acting_as
from audit.models import AuditEvent
from audit.services.recording import build_event

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def happen(
    action: str,
    *,
    at: datetime,
    times: int = 1,
    actor: Principal | None = None,
    address: str | None = "198.51.100.7",
    **details: Any,
) -> None:
    """Put events into the log as if they had been recorded at an instant."""
    with acting_as(actor or Anonymous(), address=address):
        AuditEvent.objects.bulk_create(
            build_event(action, details=details, occurred_at=at) for _ in range(times)
        )


def sign_in_fails(*, at: datetime, times: int = 1, **more: Any) -> None:
    happen("user.sign_in_failed", at=at, times=times, reason="invalid", **more)


def is_decided(
    *, at: datetime, risk_bp: int | None, times: int = 1, **more: Any
) -> None:
    happen(
        "transaction.decided",
        at=at,
        times=times,
        risk_bp=risk_bp,
        outcome="hold",
        reasons=[],
        policy_version=1,
        digest="",
        **more,
    )


def is_refused(
    *,
    at: datetime,
    status: int = 403,
    code: str = "permission_denied",
    times: int = 1,
    **more: Any,
) -> None:
    happen("request.refused", at=at, times=times, status=status, code=code, **more)


def call_is_decided(*, at: datetime, outcome: str, times: int = 1, **more: Any) -> None:
    happen(
        "function_call.decided",
        at=at,
        times=times,
        outcome=outcome,
        function="transfer",
        reasons=[],
        digest="",
        **more,
    )


def as_principal(agent):
    return AgentPrincipal(
        agent.pk, agent.owner_id, agent.name, agent.mode, "crd_x", None
    )
