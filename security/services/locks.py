"""The stop button: pressed by anybody who may, released by another person."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.context import Principal, holds
from audit.errors import NotFound, NotPermitted
from audit.services import record
from security.errors import NotLocked, ReasonMissing
from security.models import Incident, ResourceLock
from security.queries import live_locks
from security.responders import Target, responder_for

RELEASE = "security.change_resourcelock"


def lock_resource(
    kind: str,
    target_id: str,
    *,
    acting: Principal,
    reason: str,
    incident: Incident | None = None,
) -> ResourceLock:
    """Stop a resource: nothing is allowed for it until the lock is released.

    Idempotent: what is locked stays as it is, and its live lock is returned. Takes
    the resource's own row lock first, so that no decision is in flight when it
    returns. Whether `acting` may is the caller's to check. Raises ReasonMissing,
    NotFound, or what the resource's responder raises.
    """
    with transaction.atomic(durable=True):
        return lock_in_transaction(
            kind, target_id, acting=acting, reason=reason, incident=incident
        )


def lock_in_transaction(
    kind: str,
    target_id: str,
    *,
    acting: Principal,
    reason: str,
    incident: Incident | None = None,
) -> ResourceLock:
    """Do what lock_resource() says inside the transaction of a larger use case."""
    _check(kind, reason)
    responder = responder_for(kind)
    if responder is not None:
        responder.lock(
            target_id,
            acting=acting,
            reason=reason,
            incident=incident.pk if incident else None,
        )
    lock = ResourceLock(
        kind=kind,
        target_id=target_id,
        reason=reason,
        incident=incident,
        locked_by=acting.label[:200],
        locked_by_id=acting.principal_id,
        locked_at=timezone.now(),
    )
    try:
        with transaction.atomic():
            lock.save(force_insert=True)
    except IntegrityError:
        return live_locks(kind, target_id).get()
    target = describe(kind, target_id)
    record(
        "resource.locked",
        target=(kind, target_id[:64], target.label),
        owner_id=target.owner_id,
        details={
            "reason": reason,
            "lock": lock.pk,
            "incident": incident.pk if incident else None,
        },
        actor=acting,
    )
    return lock


def unlock_resource(
    kind: str, target_id: str, *, acting: Principal, reason: str
) -> ResourceLock:
    """Release the live lock of a resource; returns it.

    Takes a person with security.change_resourcelock who does not answer for the
    resource. Raises NotPermitted, ReasonMissing, NotLocked, NotFound.
    """
    _check(kind, reason)
    if not holds(acting, RELEASE):
        raise NotPermitted
    with transaction.atomic(durable=True):
        responder = responder_for(kind)
        if responder is not None:
            responder.unlock(target_id, acting=acting, reason=reason)
        lock = live_locks(kind, target_id).select_for_update().first()
        if lock is None:
            raise NotLocked
        target = describe(kind, target_id)
        if acting.principal_id in {target.owner_id, target.id}:
            raise NotPermitted("Another person must unlock what is yours.")
        lock.released_at = timezone.now()
        lock.released_by = acting.label[:200]
        lock.release_reason = reason
        lock.save(update_fields=["released_at", "released_by", "release_reason"])
        record(
            "resource.unlocked",
            target=(kind, target_id[:64], target.label),
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


def check_reason(reason: str) -> None:
    """Raise ReasonMissing unless the text says something and fits its column."""
    if not reason.strip() or len(reason) > 500:
        raise ReasonMissing(pointer="/reason")


def _check(kind: str, reason: str) -> None:
    if kind not in ResourceLock.Kind.values:
        raise NotFound("There is no such kind of resource.")
    check_reason(reason)
