"""Late captures: money that the payment rail took after it had been given back.

They are never refused. Amounts above the authorized one, and the reversal of a wrong
report, must be approved by a second person.
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
from agents.models import Agent, AgentCredential
from agents.policy.core.words import spoken_amount
from agents.queries import hand_overs_of
from audit.base.context import Principal
from audit.base.core.masking import mask
from audit.base.errors import NotFound, NotPermitted
from audit.base.readable import REASON_MAX
from security.alerts.services import raise_at_once
from security.changes.four_eyes import four_eyes_note
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
from transactions.spending.services.lifecycle import (
    lock_transaction,
    record_event,
    set_status,
)

PERMISSION = "transactions.report_capture"
Status = Transaction.Status
TOO_LARGE = "amount_too_large"


@takes_proof
def report_late_capture(
    transaction_id: str, *, amount: Decimal | int | str, reference: str, acting: User
) -> Transaction | ChangeRequest:
    """Record that the payment rail took money that is no longer reserved; alert.

    It counts against limits, and may exceed them because it has happened. If the total
    taken would exceed the authorized amount, a second person is asked to confirm it
    first, and nothing changes until then. Repeating a report changes nothing. Raises
    StepUpRequired, NotFound, NotPermitted, InvalidState if money is still reserved
    (capture it), InvalidRequest, ReportChanged.
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
    """Ask a second person to reverse a late capture that was reported wrongly.

    A reversal frees limits, so it needs two people. Reversing again changes nothing.
    Raises StepUpRequired, ReasonMissing, NotFound, NotPermitted, InvalidRequest for an
    unknown reference, InvalidState if refunds exceed what would remain.
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

    The reporter is the person who requested it. Raises ChangeSuperseded.
    """
    amount_minor = change.payload["amount_minor"]
    with _superseded_if_refused():
        author, target = _author_and_target(change)
        if target.is_reported(amount_minor):
            raise ChangeSuperseded("This late capture has been recorded meanwhile.")
        target.check_sum(amount_minor)
        with _bounded():
            _take(target, amount_minor, author=author, acting=acting, change=change)


def apply_late_reversal(change: ChangeRequest, *, acting: Principal) -> None:
    """Record a reversal that a second person approved. Raises ChangeSuperseded."""
    with _superseded_if_refused():
        author, target = _author_and_target(change)
        late = target.reported()
        target.check_reversible(late)
    reason = change.payload["reason"]
    _give_back(target, late, reason, author=author, acting=acting, change=change)


def lock_late_target(target_id: str) -> None:
    """Lock the target of a change request until the database transaction ends.

    Raises NotFound, BudgetsChanging.
    """
    transaction_id = target_id.partition("/")[0]
    rows = Transaction.objects.filter(pk=transaction_id)
    agent_id = rows.values_list("agent_id", flat=True).first()
    if agent_id is None:
        raise NotFound
    lock_transaction(transaction_id, agent_id=agent_id)


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
        """The amount that rules or people authorized; 0 for a hold not approved."""
        approval = ApprovalRequest.objects.filter(transaction=self.row).first()
        if approval and approval.status != ApprovalRequest.Status.APPROVED:
            return 0
        return self.money.amount_minor

    def known(self) -> LateCapture | None:
        found = LateCapture.objects.select_related("reversal")
        return found.filter(transaction=self.row, reference=self.reference).first()

    def is_reported(self, amount_minor: int) -> bool:
        """Return whether this amount was already reported. Raises ReportChanged."""
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
        """Raise InvalidRequest if the total taken would exceed the largest amount."""
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
        """Raise InvalidState unless the amount that remains covers the refunds."""
        if _is_reversed(late):
            raise InvalidState("This late capture has been reversed already.")
        if self.taken_minor - late.amount_minor < self.money.refunded_minor:
            refunded = self.text(self.money.refunded_minor)
            raise InvalidState(f"{refunded} were refunded, more than would be left.")

    def move(self, kind: str, amount_minor: int) -> None:
        move_money(self.money, kind, amount_minor, agent=self.spender.agent)

    def record_event(
        self, what: str, amount_minor: int, details: Mapping[str, str], by: Principal
    ) -> None:
        common = {
            "amount": format_amount(amount_minor, self.row.currency),
            "currency": self.row.currency,
            "reference": self.reference,
        }
        record_event(self.row, f"transaction.{what}", {**common, **details}, actor=by)

    def text(self, minor: int) -> str:
        return spoken_amount(minor, self.row.currency)


def _seen(transaction_id: str, acting: User) -> Transaction:
    if not acting.has_perm(PERMISSION):
        raise NotPermitted
    return transaction_for(acting, transaction_id)


def _locked_target(seen: Transaction, reference: str) -> _Target:
    spender, row = lock_transaction(seen.pk, agent_id=seen.agent_id)
    if row.status not in (Status.VOIDED, Status.EXPIRED, Status.CAPTURED):
        raise InvalidState(
            f"The transaction is {row.status}: late captures are only possible if it is"
            " voided, expired or captured."
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
    target.record_event("captured_late", amount_minor, _change_details(change), acting)
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
    text = reason[:REASON_MAX]
    LateCaptureReversal.objects.create(
        late_capture=late,
        reason=text,
        requested_by=author,
        created_at=target.spender.agent.now,
    )
    target.move("reversal", late.amount_minor)
    details = {"reason": text, **_change_details(change)}
    target.record_event("late_capture_reversed", late.amount_minor, details, acting)


def _change_details(change: ChangeRequest | None) -> dict[str, str]:
    return {"change_request": change.pk} if change else four_eyes_note()


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
    """Return a proposal about one reference; it lists the people who may not decide."""
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
    """Return the people involved with the agent, as humans_of() does.

    Its creator, credential issuer, former owners, and people who asked for hand-overs.
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


def _author_and_target(change: ChangeRequest) -> tuple[User, _Target]:
    transaction_id, _, reference = change.target_id.partition("/")
    author = User.objects.get(pk=change.requested_by_id)
    target = _locked_target(_seen(transaction_id, author), reference)
    if target.row.agent.owner_id != change.owner_id:
        # Otherwise the new owner could have approved a change of their own agent.
        raise ChangeSuperseded("The agent now has another owner; ask for it again.")
    return author, target


@contextmanager
def _superseded_if_refused() -> Iterator[None]:
    """Raise ChangeSuperseded for errors that the person who asked would get now."""
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
    """Raise InvalidRequest if a sum would exceed its column's range."""
    try:
        yield
    except DataError as error:
        raise _too_large() from error


def _too_large() -> InvalidRequest:
    return InvalidRequest(TOO_LARGE, MESSAGES[TOO_LARGE], pointer="/amount")
