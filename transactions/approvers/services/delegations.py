"""Delegate approvals for a period, and revoke delegations."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.services.own_rights import CHANGE_USER
from audit.base.core.masking import mask
from audit.base.core.readers import rfc3339
from audit.base.errors import NotFound, NotPermitted
from audit.base.readable import REASON_MAX, check_text
from audit.services.recording import record
from security.step_up import takes_proof
from transactions.approvers.models import ApprovalDelegation
from transactions.approvers.queries import APPROVE, possible_delegates
from transactions.errors import DelegationEnded, DelegationRefused

LONGEST = timedelta(days=30)
OPEN_MAX = 20


@takes_proof
def create_delegation(
    delegate_id: str,
    *,
    starts_at: datetime | None,
    ends_at: datetime,
    reason: str,
    acting: User,
) -> ApprovalDelegation:
    """Delegate `acting`'s approvals to another approver for at most 30 days.

    Without `starts_at` it begins now. The delegate decides within the delegator's
    scope, role and limit, and never on requests in which either is involved. Needs a
    recent step-up proof. Raises NotPermitted, StepUpRequired, TextRefused,
    DelegationRefused (names the field).
    """
    if not acting.has_perm(APPROVE):
        raise NotPermitted
    check_text(reason, pointer="/reason")
    with transaction.atomic(durable=True):
        person = User.objects.select_for_update(no_key=True).get(pk=acting.pk)
        now = timezone.now()
        start = max(starts_at or now, now)
        _check_time(start, ends_at)
        delegate = possible_delegates(person).filter(pk=delegate_id).first()
        if delegate is None:
            raise DelegationRefused(
                "Choose another person who is an active manager or administrator.",
                pointer="/delegate",
            )
        given = ApprovalDelegation.objects.filter(delegator=person)
        if given.filter(revoked_at=None, ends_at__gt=now).count() >= OPEN_MAX:
            detail = f"At most {OPEN_MAX} at a time; revoke one first."
            raise DelegationRefused(detail, pointer="/delegate")
        delegation = ApprovalDelegation(
            delegator=person,
            delegate=delegate,
            delegator_team_id=person.team_id,
            delegate_team_id=delegate.team_id,
            reason=mask(reason)[:REASON_MAX],
            starts_at=start,
            ends_at=ends_at,
            created_at=now,
        )
        delegation.save(force_insert=True)
        _record("delegation.created", delegation, acting, {"reason": reason})
    return delegation


def revoke_delegation(delegation_id: str, *, acting: User) -> ApprovalDelegation:
    """End a delegation immediately; votes given under it no longer count.

    Either of the two people may revoke it, and so may people who may change people.
    Raises NotFound, DelegationEnded.
    """
    with transaction.atomic(durable=True):
        found = ApprovalDelegation.objects.filter(pk=delegation_id).first()
        if found is None or not _may_revoke(found, acting):
            raise NotFound
        # The same lock as lock_people(): a decision in the delegator's right happens
        # either before this, or with the delegation ended.
        User.objects.select_for_update(no_key=True).get(pk=found.delegator_id)
        rows = ApprovalDelegation.objects.select_for_update(of=("self",))
        delegation = rows.select_related("delegator", "delegate").get(pk=found.pk)
        now = timezone.now()
        if delegation.revoked_at is not None or delegation.ends_at <= now:
            raise DelegationEnded
        delegation.revoked_at, delegation.revoked_by = now, acting
        delegation.save(update_fields=["revoked_at", "revoked_by"])
        _record("delegation.revoked", delegation, acting, {})
    return delegation


def _check_time(start: datetime, end: datetime) -> None:
    if end <= start:
        raise DelegationRefused("Choose an end after the start.", pointer="/ends_at")
    if end - start > LONGEST:
        detail = f"A delegation lasts at most {LONGEST.days} days."
        raise DelegationRefused(detail, pointer="/ends_at")


def _may_revoke(delegation: ApprovalDelegation, acting: User) -> bool:
    is_party = acting.pk in (delegation.delegator_id, delegation.delegate_id)
    return is_party or acting.has_perm(CHANGE_USER)


def _record(
    action: str,
    delegation: ApprovalDelegation,
    acting: User,
    details: dict[str, object],
) -> None:
    record(
        action,
        target=("delegation", delegation.pk, str(delegation)),
        owner_id=delegation.delegator_id,
        details={
            "delegate": delegation.delegate_id,
            "starts_at": rfc3339(delegation.starts_at),
            "ends_at": rfc3339(delegation.ends_at),
            **details,
        },
        actor=acting,
    )
