"""Apply changes of money and approvers' limits that a second person approved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Q

from accounts.changes import PermissionChanger, lock_person, of_own_accounts
from accounts.models import User
from accounts.queries import accounts_of, humans_of, owners_visible_to
from accounts.services.own_rights import CHANGE_USER
from audit.base.context import Principal
from security.changes.models import ChangeRequest
from security.changes.registry import NONE, register
from transactions.approvers.services import limits as approver_limits
from transactions.budgets.services import shared_budgets
from transactions.money.services.late_captures import (
    PERMISSION,
    apply_late_capture,
    apply_late_reversal,
    lock_late_target,
)


@dataclass(frozen=True, slots=True)
class LateCaptureChanger:
    """People who may report late captures may approve reports that do not involve them.

    `carry_out` records the late capture, or its reversal.
    """

    carry_out: Callable[..., None]

    def decidable_by(self, person: Principal) -> Q:
        if not isinstance(person, User) or not person.has_perm(PERMISSION):
            return NONE
        own = list(accounts_of(humans_of(person)).values_list("pk", flat=True))
        visible = Q(owner_id__in=owners_visible_to(person).values("pk"))
        is_involved = Q(payload__involved__has_any_keys=own)
        return visible & ~is_involved & ~of_own_accounts(person)

    def lock(self, target_id: str) -> None:
        lock_late_target(target_id)

    def apply(self, change: ChangeRequest, *, acting: Principal) -> None:
        self.carry_out(change, acting=acting)


def register_changers() -> None:
    """Register the changer of each kind of change; called once, at startup."""
    kinds = ChangeRequest.Kind
    register(kinds.LATE_CAPTURE, LateCaptureChanger(apply_late_capture))
    register(kinds.LATE_REVERSAL, LateCaptureChanger(apply_late_reversal))
    register(
        kinds.SHARED_BUDGET,
        PermissionChanger(
            shared_budgets.PERMISSION,
            shared_budgets.lock_shared_budget,
            shared_budgets.apply_shared_budget,
        ),
    )
    register(
        kinds.APPROVER_LIMIT,
        PermissionChanger(
            CHANGE_USER,
            lock_person,
            approver_limits.apply_approver_limit,
        ),
    )
