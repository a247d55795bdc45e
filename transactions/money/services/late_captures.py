"""What the payment rail took after the money was given back: recorded, never refused.

More than was authorized, and taking back a wrong report, wait for a second person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import DataError, transaction

from accounts.models import User
from accounts.queries import humans_of, speakers_of
from agents.core.money import (
    MESSAGES,
    MINOR_MAX,
    MoneyError,
    format_amount,
    parse_amount,
)
from agents.core.policy_words import spoken_amount
from agents.models import Agent, AgentCredential
from agents.queries import hand_overs_of
from audit.base.context import Principal
from audit.base.core.masking import mask
from audit.base.errors import NotFound, NotPermitted
from audit.base.readable import REASON_MAX
from security.alerts.services import raise_at_once
from security.changes.four_eyes import said_of_them
from security.changes.models import ChangeRequest
from security.changes.services import Proposal, request_change
from security.errors import ChangeSuperseded
from security.locks.services import check_reason
from security.step_up import takes_proof
from transactions.approvals.models import ApprovalRequest
from transactions.budgets.models import Reservation
from transactions.budgets.queries.locking import LockedSpender
from transactions.budgets.services.ledger import move_money, reservation_of
from transactions.errors import InvalidRequest, InvalidState, ReportChanged
from transactions.money.models import LateCapture, LateCaptureReversal
from transactions.spending.models import Transaction
from transactions.spending.queries.reading import transaction_for
from transactions.spending.services.lifecycle import locked, set_status, tell

PERMISSION = "transactions.report_capture"
Status = Transaction.Status
TOO_LARGE = "amount_too_large"


@takes_proof
def report_late_capture(
    transaction_id: str, *, amount: Decimal | int | str, reference: str, acting: User
) -> Transaction | ChangeRequest:
    """Record that the payment rail took money that nobody holds any more; alert.

    Counts against limits, which it may pass: it has happened. Where all that was taken
    would pass the authorized amount, a second person is asked to confirm it, and
    nothing changes until then. A second report of one reference changes nothing.
    Raises StepUpRequired, NotFound, NotPermitted, InvalidState where money is still
    held (capture it), InvalidRequest, ReportChanged.
    """
    seen = _seen(transaction_id, acting)
    try:
        amount_minor = parse_amount(amount, seen.currency)
    except MoneyError as error:
        raise InvalidRequest(error.code, error.detail, pointer="/amount") from None
    with _bounded(), transaction.atomic(durable=True):
        target = _locked_target(seen, reference)
        if not target.is_reported(amount_minor):
            target.check_sum(amount_minor)
            is_above = target.taken_minor + amount_minor > target.authorized_minor
            if is_above and settings.FOUR_EYES:
                return request_change(
                    _report_proposal(target, amount_minor), acting=acting
                )
            _take(target, amount_minor, author=acting, acting=acting)
    return transaction_for(acting, transaction_id)


@takes_proof
def reverse_late_capture(
    transaction_id: str, *, reference: str, reason: str, acting: User
) -> Transaction | ChangeRequest:
    """Ask a second person to take back a late capture that was reported wrongly.

    It gives limits their money back, so that no one does it alone. A late capture that
    was reversed already stays as it is. Raises StepUpRequired, ReasonMissing, NotFound,
    NotPermitted, InvalidRequest for an unknown reference, InvalidState where refunds
    need what would be taken back.
    """
    check_reason(reason)
    seen = _seen(transaction_id, acting)
    with transaction.atomic(durable=True):
        target = _locked_target(seen, reference)
        late = target.reported()
        if not _is_reversed(late):
            target.check_reversible(late)
            proposal = _reversal_proposal(target, late, reason)
            if settings.FOUR_EYES:
                return request_change(proposal, acting=acting)
            _give_back(target, late, mask(reason), author=acting, acting=acting)
    return transaction_for(acting, transaction_id)


def apply_late_capture(change: ChangeRequest, *, acting: Principal) -> None:
    """Record a late capture that a second person confirmed (security/changes).

    It is reported by who asked. Raises ChangeSuperseded.
    """
    amount_minor = change.payload["amount_minor"]
    with _superseded_if_refused():
        author, target = _asked_by_whom_of_what(change)
        if target.is_reported(amount_minor):
            raise ChangeSuperseded("This late capture has been recorded meanwhile.")
        target.check_sum(amount_minor)
        with _bounded():
            _take(target, amount_minor, author=author, acting=acting, change=change)


def apply_late_reversal(change: ChangeRequest, *, acting: Principal) -> None:
    """Take back a late capture by a counter-entry that a second person agreed to.

    Raises ChangeSuperseded.
    """
    with _superseded_if_refused():
        author, target = _asked_by_whom_of_what(change)
        late = target.reported()
        target.check_reversible(late)
    reason = change.payload["reason"]
    _give_back(target, late, reason, author=author, acting=acting, change=change)


def lock_late_target(target_id: str) -> None:
    """Lock what a change request is about until the transaction ends.

    Raises NotFound, BudgetsChanging.
    """
    transaction_id = target_id.partition("/")[0]
    rows = Transaction.objects.filter(pk=transaction_id)
    agent_id = rows.values_list("agent_id", flat=True).first()
    if agent_id is None:
        raise NotFound
    locked(transaction_id, agent_id=agent_id)


@dataclass(frozen=True, slots=True)
class _Target:
    """A locked transaction with its money, and a reference of the payment rail."""

    spender: LockedSpender
    row: Transaction
    money: Reservation
    reference: str

    @property
    def taken_minor(self) -> int:
        return self.money.taken_minor

    @property
    def authorized_minor(self) -> int:
        """What rules or people authorized: nothing of a hold that nobody approved."""
        approval = ApprovalRequest.objects.filter(transaction=self.row).first()
        if approval and approval.status != ApprovalRequest.Status.APPROVED:
            return 0
        return self.money.amount_minor

    def known(self) -> LateCapture | None:
        found = LateCapture.objects.select_related("reversal")
        return found.filter(transaction=self.row, reference=self.reference).first()

    def is_reported(self, amount_minor: int) -> bool:
        """Return whether this amount was reported. Raises ReportChanged."""
        known = self.known()
        if known is None:
            return False
        if _is_reversed(known):
            raise ReportChanged(
                "The late capture of this reference was reversed; report what was"
                " really taken under another reference.",
                pointer="/reference",
            )
        if known.amount_minor != amount_minor:
            raise ReportChanged(pointer="/amount")
        return True

    def check_sum(self, amount_minor: int) -> None:
        """Raise InvalidRequest if all that was taken would be more than an amount."""
        if self.taken_minor + amount_minor > MINOR_MAX:
            raise _too_large()

    def reported(self) -> LateCapture:
        """Return the late capture of the reference. Raises InvalidRequest."""
        known = self.known()
        if known is None:
            raise InvalidRequest(
                "reference_unknown",
                "No late capture of this transaction has this reference.",
                pointer="/reference",
            )
        return known

    def check_reversible(self, late: LateCapture) -> None:
        """Raise InvalidState unless what is left covers what was refunded."""
        if _is_reversed(late):
            raise InvalidState("This late capture has been reversed already.")
        if self.taken_minor - late.amount_minor < self.money.refunded_minor:
            refunded = self.text(self.money.refunded_minor)
            raise InvalidState(f"{refunded} were refunded, more than would be left.")

    def move(self, kind: str, amount_minor: int) -> None:
        move_money(self.money, kind, amount_minor, agent=self.spender.agent)

    def tell(
        self, what: str, amount_minor: int, details: Mapping[str, str], by: Principal
    ) -> None:
        told = {
            "amount": format_amount(amount_minor, self.row.currency),
            "currency": self.row.currency,
            "reference": self.reference,
        }
        tell(self.row, f"transaction.{what}", {**told, **details}, actor=by)

    def text(self, minor: int) -> str:
        return spoken_amount(minor, self.row.currency)


def _seen(transaction_id: str, acting: User) -> Transaction:
    if not acting.has_perm(PERMISSION):
        raise NotPermitted
    return transaction_for(acting, transaction_id)


def _locked_target(seen: Transaction, reference: str) -> _Target:
    spender, row = locked(seen.pk, agent_id=seen.agent_id)
    if row.status not in (Status.VOIDED, Status.EXPIRED, Status.CAPTURED):
        raise InvalidState(
            f"The transaction is {row.status}: only what was voided, expired or"
            " captured is taken late."
        )
    return _Target(spender, row, reservation_of(row), reference)


def _is_reversed(late: LateCapture) -> bool:
    return hasattr(late, "reversal")


def _take(
    target: _Target,
    amount_minor: int,
    *,
    author: User,
    acting: Principal,
    change: ChangeRequest | None = None,
) -> None:
    LateCapture.objects.create(
        transaction=target.row,
        reference=target.reference,
        amount_minor=amount_minor,
        reported_by=author,
        created_at=target.spender.agent.now,
    )
    target.move("late_capture", amount_minor)
    if target.row.status != Status.CAPTURED:
        set_status(target.row, Status.CAPTURED)
    target.tell("captured_late", amount_minor, _agreed(change), acting)
    raise_at_once("late_capture")


def _give_back(
    target: _Target,
    late: LateCapture,
    reason: str,
    *,
    author: User,
    acting: Principal,
    change: ChangeRequest | None = None,
) -> None:
    told = reason[:REASON_MAX]
    LateCaptureReversal.objects.create(
        late_capture=late,
        reason=told,
        requested_by=author,
        created_at=target.spender.agent.now,
    )
    target.move("reversal", late.amount_minor)
    details = {"reason": told, **_agreed(change)}
    target.tell("late_capture_reversed", late.amount_minor, details, acting)


def _agreed(change: ChangeRequest | None) -> dict[str, str]:
    return {"change_request": change.pk} if change else said_of_them()


def _report_proposal(target: _Target, amount_minor: int) -> Proposal:
    return _proposal(
        ChangeRequest.Kind.LATE_CAPTURE,
        target,
        payload={"amount_minor": amount_minor},
        changes={"captured_late": [None, target.text(amount_minor)]},
    )


def _reversal_proposal(target: _Target, late: LateCapture, reason: str) -> Proposal:
    masked = mask(reason)[:REASON_MAX]
    return _proposal(
        ChangeRequest.Kind.LATE_REVERSAL,
        target,
        payload={"reason": masked},
        changes={
            "captured_late": [target.text(late.amount_minor), None],
            "reason": [None, masked],
        },
    )


def _proposal(
    kind: ChangeRequest.Kind,
    target: _Target,
    *,
    payload: Mapping[str, Any],
    changes: Mapping[str, Any],
) -> Proposal:
    """Return a proposal about one reference; it keeps who is involved from deciding."""
    row = target.row
    agent = row.agent
    authorized = target.text(target.authorized_minor)
    return Proposal(
        kind=kind,
        target_id=f"{row.pk}/{target.reference}",
        target_label=f"{agent.name}, {authorized} authorized"[:200],
        owner_id=agent.owner_id,
        payload={
            **payload,
            "involved": sorted(_involved(row)),
        },
        base={},
        changes=changes,
    )


def _involved(row: Transaction) -> frozenset[str]:
    """Return who let the agent be what it is, as humans_of() has it.

    Who created it, issued its credential, owned it before or asked to hand it over.
    """
    handed_over = hand_overs_of(row.agent_id)
    ids = {row.agent.created_by_id, row.credential.created_by_id}
    for pair in handed_over.values_list("from_owner", "created_by"):
        ids.update(pair)
    spoke = [
        *speakers_of(handed_over),
        *speakers_of(Agent.objects.filter(pk=row.agent_id)),
        *speakers_of(AgentCredential.objects.filter(pk=row.credential_id)),
    ]
    return humans_of(*User.objects.filter(pk__in=ids), *spoke) | ids


def _asked_by_whom_of_what(change: ChangeRequest) -> tuple[User, _Target]:
    transaction_id, _, reference = change.target_id.partition("/")
    author = User.objects.get(pk=change.requested_by_id)
    target = _locked_target(_seen(transaction_id, author), reference)
    if target.row.agent.owner_id != change.owner_id:
        # Whoever owns it now could have agreed to what is their own.
        raise ChangeSuperseded("The agent has another owner by now; ask for it again.")
    return author, target


@contextmanager
def _superseded_if_refused() -> Iterator[None]:
    """Turn what would refuse the asker now into the end of what they asked for."""
    try:
        yield
    except (
        NotFound,
        NotPermitted,
        InvalidRequest,
        InvalidState,
        ReportChanged,
    ) as error:
        raise ChangeSuperseded(error.detail) from error


@contextmanager
def _bounded() -> Iterator[None]:
    """Refuse an amount with which a sum would pass what its column holds."""
    try:
        yield
    except DataError as error:
        raise _too_large() from error


def _too_large() -> InvalidRequest:
    return InvalidRequest(TOO_LARGE, MESSAGES[TOO_LARGE], pointer="/amount")
