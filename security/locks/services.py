"""Locks: set by anybody with the permission, released by an administrator.

A person who is responsible for a resource, or is it, never releases its lock; the
person who set it may.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from audit.base.context import Principal, holds
from audit.base.errors import NotFound, NotPermitted
from audit.base.once import insert_once
from audit.base.readable import check_text
from audit.services.recording import masked_text, record
from security.errors import NotLocked, ReasonMissing, TargetRefused
from security.incidents.models import Incident
from security.locks.models import ResourceLock
from security.locks.queries import live_locks
from security.locks.responders import Target, responder_for
from security.step_up import takes_proof

RELEASE = "security.change_resourcelock"


def lock_resource(
    kind: str,
    target_id: str,
    *,
    acting: Principal,
    reason: str,
    label: str = "",
    incident: Incident | None = None,
) -> ResourceLock:
    """Stop a resource: nothing is allowed for it until the lock is released.

    Idempotent: what is locked stays as it is, and its live lock is returned. Takes
    the resource's own row lock first. An agent's is the one that decisions take: none
    is in flight when this returns. Decisions take no other row, so one that read the
    locks just before a lock on a person, function, merchant or everything committed
    may still end as it would have; each that begins afterwards is refused. `label` is
    the name to show, where the resource itself has none that is stored: a merchant's.

    Whether `acting` may is the caller's to check. Raises ReasonMissing, NotFound,
    TargetRefused, or what the resource's responder raises.
    """
    with transaction.atomic(durable=True):
        return lock_in_transaction(
            kind,
            target_id,
            acting=acting,
            reason=reason,
            label=label,
            incident=incident,
        )


def lock_in_transaction(
    kind: str,
    target_id: str,
    *,
    acting: Principal,
    reason: str,
    label: str = "",
    incident: Incident | None = None,
) -> ResourceLock:
    """Do what lock_resource() says inside the transaction of a larger use case."""
    _check(kind, target_id, reason)
    responder = responder_for(kind)
    if responder is not None:
        responder.lock(
            target_id,
            acting=acting,
            reason=reason,
            incident=incident.pk if incident else None,
        )
    target = describe(kind, target_id)
    lock = ResourceLock(
        kind=kind,
        target_id=target_id,
        target_label=(label or target.label)[:200],
        reason=masked_text(reason, 500),
        incident=incident,
        locked_by=acting.label[:200],
        locked_by_id=acting.principal_id,
        locked_at=timezone.now(),
    )
    if not insert_once(lock):
        return live_locks(kind, target_id).get()
    record(
        "resource.locked",
        target=(kind, target_id[:64], lock.target_label),
        owner_id=target.owner_id,
        details={
            "reason": reason,
            "lock": lock.pk,
            "incident": incident.pk if incident else None,
        },
        actor=acting,
    )
    return lock


@takes_proof
def unlock_resource(
    kind: str, target_id: str, *, acting: Principal, reason: str
) -> ResourceLock:
    """Release the live lock of a resource; returns it.

    Takes a person with security.change_resourcelock who does not answer for the
    resource, and a fresh proof of them; or the platform itself (`manage.py unlock`).
    Raises NotPermitted, StepUpRequired, ReasonMissing, TargetRefused, NotLocked,
    NotFound.
    """
    _check(kind, target_id, reason)
    if acting.kind != "system" and not holds(acting, RELEASE):
        raise NotPermitted
    with transaction.atomic(durable=True):
        responder = responder_for(kind)
        if responder is not None:
            responder.unlock(target_id, acting=acting, reason=reason)
        lock = live_locks(kind, target_id).select_for_update().first()
        if lock is None:
            raise NotLocked
        target = describe(kind, target_id)
        lock.released_at = timezone.now()
        lock.released_by = acting.label[:200]
        lock.release_reason = masked_text(reason, 500)
        lock.save(update_fields=["released_at", "released_by", "release_reason"])
        record(
            "resource.unlocked",
            target=(kind, target_id[:64], lock.target_label or target.label),
            owner_id=target.owner_id,
            details={"reason": reason, "lock": lock.pk},
            actor=acting,
        )
    return lock


def describe(kind: str, target_id: str) -> Target:
    """Return what a resource is; without a responder no more than its id is known.

    Raises NotFound if the kind's responder knows of no such resource.
    """
    responder = responder_for(kind)
    if responder is None:
        return Target(id=target_id, label=target_id)
    target = responder.describe(target_id)
    if target is None:
        raise NotFound
    return target


def check_reason(reason: str, *, pointer: str = "/reason") -> None:
    """Raise ReasonMissing unless the text says something and fits its column.

    TextRefused if others could not read it as it is.
    """
    if not reason.strip() or len(reason) > 500:
        raise ReasonMissing(pointer=pointer)
    check_text(reason, pointer=pointer)


def _check(kind: str, target_id: str, reason: str) -> None:
    if kind not in ResourceLock.Kind.values:
        raise NotFound("There is no such kind of resource.")
    if (kind == ResourceLock.Kind.EVERYTHING) == bool(target_id):
        raise TargetRefused(pointer="/target_id")
    check_reason(reason)
