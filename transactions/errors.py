"""Errors that the services of this app raise."""

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
from transactions.decisions.core.states import NEXT_STEPS


class IdempotencyConflict(Conflict):
    status = 422
    code = "idempotency_key_reused"
    detail = "This Idempotency-Key was used for another request; use a new key."


class InvalidRequest(Invalid):
    """A well-formed value that is not acceptable; `pointer` names the field."""

    code = "invalid_request"

    def __init__(self, code: str, detail: str, *, pointer: str) -> None:
        super().__init__(detail, pointer=pointer)
        self.code = code


class ClockRefused(Invalid):
    code = "occurred_at_not_permitted"
    detail = "Only agents in test mode may set occurred_at."


class NotAllowedToApprove(Forbidden):
    code = "not_allowed_to_approve"
    detail = (
        "The following people cannot decide on this request: the agent's present and"
        " former owners, its creator, the person who asked for its hand-over, the"
        " person who issued the credential that was used and the person who asked for"
        " its policy. Nor can anybody decide in their place, or with an account that"
        " one of them created or re-armed and nobody confirmed."
    )


class LevelAboveRole(Forbidden):
    code = "level_above_role"
    detail = "Only a higher role may decide on this amount, or after this waiting time."


class AboveOwnLimit(Forbidden):
    code = "above_own_limit"
    detail = "This amount is above what you may approve. Somebody else must decide."


class AlreadyApproved(Conflict):
    """Two approvals must come from two people."""

    code = "already_approved"
    detail = "You have already approved this; somebody else must approve it, too."


class DelegationRefused(Invalid):
    """The requested delegation is not allowed; `pointer` names the field."""

    code = "delegation_refused"
    detail = "This delegation is not allowed."


class DelegationEnded(Conflict):
    code = "delegation_ended"
    detail = "This delegation has ended already."


class ApprovalChanged(Conflict):
    code = "approval_changed"
    detail = "This request has changed since you saw it. Review it and decide again."


class ApprovalResolved(Conflict):
    code = "approval_resolved"
    detail = "This approval request was resolved already."


class ApprovalExpired(Conflict):
    code = "approval_expired"
    detail = "This approval request expired, so the transaction is not approved."


class StillRefused(Conflict):
    """The rules now in force deny; a human can lift a hold, but not a denial."""

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
        """Return the error that names the status, and the operations it permits."""
        return cls(f"The transaction is {status}: {NEXT_STEPS[status]}.")


class PreconditionRequired(PreconditionFailed):
    status = 428
    code = "if_match_required"
    detail = "Quote the ETag of the transaction you saw in an If-Match header."


class BudgetsChanging(Unavailable):
    code = "budgets_changing"
    detail = "The budgets that this agent shares are being changed; try again."


class AuthorizationExpired(Conflict):
    code = "authorization_expired"
    detail = "The money was given back because nobody captured it in time."


class AmountTooLarge(Conflict):
    code = "amount_above_rest"

    def __init__(self, left: str) -> None:
        super().__init__(f"At most {left} is left.", pointer="/amount")


class IncrementRefused(StillRefused):
    """The policy in force denies the new total, or would hold it for a human."""

    code = "increment_refused"
    detail = "The rules now in force do not allow the new total."


class ReportChanged(Conflict):
    code = "report_changed"
    detail = "A late capture of this reference was reported with another amount."


class NoReceipt(Conflict):
    """The decision has no digest to sign, or its audit event was retired."""

    code = "no_receipt"
    detail = "This decision was made before there were receipts."


class RecordDamaged(Conflict):
    """The stored record does not match its digests, so it must not be signed."""

    code = "record_damaged"
    detail = "The record of this decision fails its checks. Inform the security staff."
