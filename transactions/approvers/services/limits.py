"""Personal approval limits; a second person must approve looser ones."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.db import transaction

from accounts.errors import OwnAuthorityRefused
from accounts.models import User
from accounts.queries import serves_oneself
from accounts.services.own_rights import CHANGE_USER
from agents.policy.core.words import spoken_amount
from audit.base.context import Principal
from audit.base.errors import NotPermitted
from audit.services.recording import record
from security.changes.four_eyes import four_eyes_note
from security.changes.models import ChangeRequest
from security.changes.services import Proposal, request_change
from security.errors import ChangeSuperseded
from security.step_up import takes_proof
from transactions.approvers.models import ApproverLimit

# Amount in minor units and currency; None if a person has no personal limit.
Limit = tuple[int, str] | None


@takes_proof
def set_approver_limit(
    person: User, limit: Limit, *, acting: User
) -> ChangeRequest | None:
    """Set a person's approval limit, or ask a second person to approve a looser one.

    A first or a lower limit applies immediately; then returns None. `acting` needs the
    permission to change people and a recent step-up proof, and cannot set their own
    limit. Raises NotPermitted, OwnAuthorityRefused, StepUpRequired.
    """
    _check_may_set(acting, person.pk)
    with transaction.atomic(durable=True):
        User.objects.select_for_update(no_key=True).get(pk=person.pk)
        before = _limit_of(person.pk)
        if before == limit:
            return None
        if settings.FOUR_EYES and _loosens(before, limit):
            return request_change(_proposal(person, before, limit), acting=acting)
        _put_in_force(person, before, limit, acting=acting, extra=four_eyes_note())
    return None


def apply_approver_limit(change: ChangeRequest, *, acting: Principal) -> None:
    """Set a limit that a second person approved; see security/changes/registry.py.

    Raises ChangeSuperseded if the limit has changed since, or the person who asked may
    no longer set it.
    """
    person = User.objects.get(pk=change.target_id)
    try:
        _check_may_set(User.objects.get(pk=change.requested_by_id), person.pk)
    except (NotPermitted, OwnAuthorityRefused) as error:
        raise ChangeSuperseded("The requester may no longer ask for this.") from error
    before = _limit_of(person.pk)
    if change.base != _stored(before):
        raise ChangeSuperseded
    stored = change.payload["limit"]
    limit = (stored[0], stored[1]) if stored else None
    extra = {"change_request": change.pk}
    _put_in_force(person, before, limit, acting=acting, extra=extra)


def _check_may_set(acting: User, person_id: str) -> None:
    if not acting.has_perm(CHANGE_USER):
        raise NotPermitted
    if serves_oneself(acting, person_id):
        raise OwnAuthorityRefused("You cannot set your own approval limit.")


def _limit_of(person_id: str) -> Limit:
    rows = ApproverLimit.objects.filter(person=person_id)
    return rows.values_list("amount_minor", "currency").first()


def _loosens(before: Limit, limit: Limit) -> bool:
    """Return whether more could be approved; another currency counts as looser."""
    if before is None:
        return False
    return limit is None or limit[1] != before[1] or limit[0] > before[0]


def _proposal(person: User, before: Limit, limit: Limit) -> Proposal:
    return Proposal(
        kind=ChangeRequest.Kind.APPROVER_LIMIT,
        target_id=person.pk,
        target_label=person.username,
        owner_id=person.pk,
        payload=_stored(limit),
        base=_stored(before),
        changes=_changes(before, limit),
    )


def _put_in_force(
    person: User,
    before: Limit,
    limit: Limit,
    *,
    acting: Principal,
    extra: Mapping[str, str],
) -> None:
    if limit is None:
        ApproverLimit.objects.filter(person=person).delete()
    else:
        values = {"amount_minor": limit[0], "currency": limit[1]}
        ApproverLimit.objects.update_or_create(person=person, defaults=values)
    record(
        "approver_limit.set",
        target=("user", person.pk, person.username),
        owner_id=person.pk,
        details={"changes": _changes(before, limit), **extra},
        actor=acting,
    )


def _stored(limit: Limit) -> dict[str, list[object] | None]:
    return {"limit": list(limit) if limit else None}


def _changes(before: Limit, limit: Limit) -> dict[str, list[str | None]]:
    return {"approval_limit": [_spoken(before), _spoken(limit)]}


def _spoken(limit: Limit) -> str | None:
    return None if limit is None else spoken_amount(*limit)
