"""What the use cases of this app refuse."""

from __future__ import annotations

from collections.abc import Sequence

from audit.base.errors import (
    Conflict,
    Forbidden,
    Invalid,
    PreconditionFailed,
    Unavailable,
)
from transactions.decisions.core.reasons import Finding
from transactions.decisions.core.states import WHAT_WORKS


class IdempotencyConflict(Conflict):
    status = 422
    code = "idempotency_key_reused"
    detail = "This Idempotency-Key was used for another request; use a new key."


class InvalidRequest(Invalid):
    """A value that its form alone does not condemn; `pointer` names it."""

    code = "invalid_request"

    def __init__(self, code: str, detail: str, *, pointer: str) -> None:
        super().__init__(detail, pointer=pointer)
        self.code = code


class ClockRefused(Invalid):
    code = "occurred_at_not_permitted"
    detail = "Only agents in test mode have a clock of their own."


class NotAllowedToApprove(Forbidden):
    code = "not_allowed_to_approve"
    detail = (
        "The agent's owners, now and before, its creator, who asked to hand it over,"
        " who issued the credential that asked and who asked for its policy cannot"
        " decide on it, nor can anybody in their place or by an account that one of"
        " them made or re-armed and nobody confirmed."
    )


class LevelAboveRole(Forbidden):
    code = "level_above_role"
    detail = "This amount, or the time it has waited, takes a higher role to decide."


class AboveOwnLimit(Forbidden):
    code = "above_own_limit"
    detail = "This amount is above what you may approve. Somebody else must decide."


class AlreadyApproved(Conflict):
    """Four eyes are not two eyes twice."""

    code = "already_approved"
    detail = "You have approved this already; somebody else must, too."


class DelegationRefused(Invalid):
    """A delegation that cannot be as it was asked for; `pointer` names the field."""

    code = "delegation_refused"
    detail = "This cannot be delegated like that."


class DelegationEnded(Conflict):
    code = "delegation_ended"
    detail = "This delegation has ended already."


class ApprovalChanged(Conflict):
    code = "approval_changed"
    detail = "What you saw has changed. Look at it again and decide afresh."


class ApprovalResolved(Conflict):
    code = "approval_resolved"
    detail = "This approval request was resolved already."


class ApprovalExpired(Conflict):
    code = "approval_expired"
    detail = "This approval request expired, so the transaction is not approved."


class StillRefused(Conflict):
    """A human lifts a hold, never a deny: the rules now in force refuse."""

    code = "still_refused"
    detail = "The rules now in force deny this transaction."

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(" ".join(finding.spoken for finding in findings))
        self.reasons = [finding.as_reason() for finding in findings]


class InvalidState(Conflict):
    code = "invalid_state"
    detail = "The transaction is not in a state that permits this."

    @classmethod
    def of(cls, status: str) -> InvalidState:
        """Return the refusal that names the status, and what would work."""
        return cls(f"The transaction is {status}: {WHAT_WORKS[status]}.")


class PreconditionRequired(PreconditionFailed):
    status = 428
    code = "if_match_required"
    detail = "Quote the ETag of the transaction you saw in an If-Match header."


class BudgetsChanging(Unavailable):
    code = "budgets_changing"
    detail = "The budgets that this agent shares are being changed; try again."


class AuthorizationExpired(Conflict):
    code = "authorization_expired"
    detail = "The money was given back, for nobody took it in time."


class AmountTooLarge(Conflict):
    code = "amount_above_rest"

    def __init__(self, left: str) -> None:
        super().__init__(f"At most {left} is left.", pointer="/amount")


class IncrementRefused(StillRefused):
    """The policy in force does not allow the new total without a human."""

    code = "increment_refused"
    detail = "The rules now in force do not allow the new total."


class ReportChanged(Conflict):
    code = "report_changed"
    detail = "A late capture of this reference was reported with another amount."


class NoReceipt(Conflict):
    """There is nothing that a signature could stand for."""

    code = "no_receipt"
    detail = "This decision was made before there were receipts."


class RecordDamaged(Conflict):
    """What is stored is not what was decided: never to be signed."""

    code = "record_damaged"
    detail = "The record of this decision does not hold. Tell the security staff."
