"""Changes that take a second person: asked for, then approved, rejected or expired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.base.context import Principal, System
from audit.base.core.readers import rfc3339
from audit.base.errors import NotFound, NotPermitted
from audit.base.readable import check_text
from audit.services.recording import masked_text, record
from security.changes.models import ChangeRequest
from security.changes.queries import may_decide
from security.changes.registry import changer_for
from security.errors import (
    ChangeExpired,
    ChangeResolved,
    ChangeSuperseded,
    OwnChangeRefused,
)
from security.locks.services import check_reason
from security.step_up import takes_proof

Status = ChangeRequest.Status
ENDINGS = {
    Status.APPROVED: "change.approved",
    Status.REJECTED: "change.rejected",
    Status.WITHDRAWN: "change.withdrawn",
    Status.EXPIRED: "change.expired",
    Status.SUPERSEDED: "change.superseded",
}
SWEEPER = System("change expiry")
LASTS = timedelta(days=7)
SWEEP_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What somebody would change if they could alone; see ChangeRequest."""

    kind: str
    target_id: str
    target_label: str
    owner_id: str
    payload: Any
    base: Any
    changes: Mapping[str, Any]


def request_change(proposal: Proposal, *, acting: Principal) -> ChangeRequest:
    """Ask for a change, within the transaction of the caller, who holds its target.

    A new proposal supersedes the one that waits; the same once more is the same
    request. Whether `acting` may ask is the caller's to check.
    """
    same = ChangeRequest.objects.select_for_update().filter(
        kind=proposal.kind, target_id=proposal.target_id, status=Status.WAITING
    )
    waiting, now = same.first(), timezone.now()
    if waiting is not None:
        if _is_still(waiting, proposal, acting, now):
            return waiting
        is_late = waiting.expires_at <= now
        _end(waiting, Status.EXPIRED if is_late else Status.SUPERSEDED, now=now)
    change = ChangeRequest(
        kind=proposal.kind,
        target_id=proposal.target_id,
        target_label=proposal.target_label,
        owner_id=proposal.owner_id,
        payload=proposal.payload,
        base=proposal.base,
        changes=proposal.changes,
        requested_by=acting.label[:200],
        requested_by_id=acting.principal_id,
        requested_at=now,
        expires_at=now + LASTS,
    )
    change.save(force_insert=True)
    _record(
        change,
        "change.requested",
        {"changes": change.changes, "expires_at": rfc3339(change.expires_at)},
        acting,
    )
    return change


@takes_proof
def approve_change(
    change_id: str, *, acting: Principal, reason: str = ""
) -> ChangeRequest:
    """Agree as the second person: the change is in force when this returns.

    Takes the rights to make the change oneself and a fresh proof. Raises NotFound,
    NotPermitted, OwnChangeRefused, StepUpRequired, ChangeResolved, TextRefused;
    ChangeExpired and ChangeSuperseded after that end is on record.
    """
    check_text(reason, pointer="/reason")
    superseded: ChangeSuperseded | None = None
    with transaction.atomic(durable=True):
        change = _locked(change_id, acting)
        now = timezone.now()
        is_late = change.expires_at <= now
        if is_late:
            _end(change, Status.EXPIRED, now=now)
        else:
            try:
                with transaction.atomic():
                    changer_for(change.kind).apply(change, acting=acting)
            except ChangeSuperseded as error:
                superseded = error
                _end(change, Status.SUPERSEDED, now=now)
            else:
                _end(change, Status.APPROVED, now=now, acting=acting, reason=reason)
    if is_late:
        raise ChangeExpired
    if superseded:
        raise superseded
    return change


def reject_change(change_id: str, *, acting: Principal, reason: str) -> ChangeRequest:
    """Refuse a change for good, or withdraw one's own. The reason is obligatory.

    Stopping takes no fresh proof. Raises NotFound, NotPermitted, OwnChangeRefused,
    ReasonMissing, ChangeResolved; ChangeExpired after that end is on record.
    """
    check_reason(reason)
    with transaction.atomic(durable=True):
        change = _locked(change_id, acting, may_withdraw=True)
        now = timezone.now()
        is_late = change.expires_at <= now
        if is_late:
            _end(change, Status.EXPIRED, now=now)
        else:
            is_own = acting.principal_id == change.requested_by_id
            status = Status.WITHDRAWN if is_own else Status.REJECTED
            _end(change, status, now=now, acting=acting, reason=reason)
    if is_late:
        raise ChangeExpired
    return change


def expire_due_changes(*, now: datetime) -> int:
    """Expire what nobody decided in time; returns how many. At most 500.

    Only tidies up: every decision checks the expiry itself.
    """
    due = ChangeRequest.objects.filter(status=Status.WAITING, expires_at__lte=now)
    with transaction.atomic(durable=True):
        changes = list(due.select_for_update(skip_locked=True)[:SWEEP_MAX])
        for change in changes:
            _end(change, Status.EXPIRED, now=now)
    return len(changes)


def _is_still(
    waiting: ChangeRequest, proposal: Proposal, acting: Principal, now: datetime
) -> bool:
    return (
        waiting.requested_by_id == acting.principal_id
        and waiting.expires_at > now
        and (waiting.payload, waiting.base) == (proposal.payload, proposal.base)
    )


def _locked(
    change_id: str, acting: Principal, *, may_withdraw: bool = False
) -> ChangeRequest:
    """Lock target, then request, and return what the person may decide on."""
    seen = ChangeRequest.objects.filter(pk=change_id).first()
    if seen is None or not (_is_party(seen, acting) or may_decide(seen, acting)):
        raise NotFound
    changer_for(seen.kind).lock(seen.target_id)
    change = ChangeRequest.objects.select_for_update().get(pk=change_id)
    is_asker = acting.principal_id == change.requested_by_id
    if not (is_asker and may_withdraw):
        _check_second_person(change, acting)
    if change.status != Status.WAITING:
        raise ChangeResolved
    return change


def _check_second_person(change: ChangeRequest, acting: Principal) -> None:
    if _is_party(change, acting):
        raise OwnChangeRefused
    if not may_decide(change, acting):
        raise NotPermitted


def _is_party(change: ChangeRequest, person: Principal) -> bool:
    return person.principal_id in (change.requested_by_id, change.owner_id)


def _end(
    change: ChangeRequest,
    status: Status,
    *,
    now: datetime,
    acting: Principal = SWEEPER,
    reason: str = "",
) -> None:
    change.status = status
    change.resolved_at = now
    if acting is not SWEEPER:
        change.resolved_by = acting.label[:200]
        change.resolved_by_id = acting.principal_id
        change.reason = masked_text(reason, 500)
    change.save(
        update_fields=[
            "status",
            "resolved_at",
            "resolved_by",
            "resolved_by_id",
            "reason",
        ]
    )
    details = {"reason": reason} if acting is not SWEEPER else {}
    _record(change, ENDINGS[status], details, acting)


def _record(
    change: ChangeRequest, action: str, details: dict[str, Any], acting: Principal
) -> None:
    record(
        action,
        target=("change_request", change.pk, str(change)),
        owner_id=change.owner_id,
        details={"kind": change.kind, "target": change.target_id, **details},
        actor=acting,
    )
