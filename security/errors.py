"""Errors of security: limits, signatures, keys, changes, locks."""

from __future__ import annotations

from audit.base.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    TooMany,
    Unauthenticated,
    Unavailable,
)


class DecryptionFailed(DomainError):
    """A ciphertext was changed, moved to another place, or its key is gone."""

    code = "decryption_failed"
    detail = "A stored value could not be decrypted; it may have been tampered with."


class RateLimited(TooMany):
    """Too many requests. `retry_after_s` is when the next one can pass."""

    code = "rate_limited"
    detail = "Too many requests."

    def __init__(self, detail: str | None = None, *, retry_after_s: int = 60) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(detail)


class LimiterUnavailable(Unavailable):
    """The limiter cannot count, and what was asked may not go on uncounted."""

    code = "limiter_unavailable"
    detail = "Request limits cannot be checked right now. Try again shortly."
    retry_after_s = 5


class SignatureRefused(Unauthenticated):
    """A request's signature was refused; `reason` is one of core.signatures.Refusal."""

    code = "signature_refused"
    detail = "The request's signature was refused."

    def __init__(self, reason: str, detail: str | None = None) -> None:
        self.reason = reason
        super().__init__(detail)


class StepUpRequired(Forbidden):
    """This needs a proof of the caller's identity that is at most five minutes old."""

    code = "step_up_required"
    detail = "Prove again who you are; the last proof is more than 5 minutes old."
    ends_page = True


class OwnChangeRefused(Forbidden):
    """Neither who asked for a change nor who gains by it decides on it."""

    code = "own_change"
    detail = "Another person must decide this; you asked for it or gain by it."


class ChangeResolved(Conflict):
    """Somebody decided before."""

    code = "change_resolved"
    detail = "This change request was resolved before."


class ChangeExpired(Conflict):
    """Nobody decided in time, so nothing is changed."""

    code = "change_expired"
    detail = "Nobody decided in time; the change must be asked for again."


class ChangeSuperseded(Conflict):
    """What the change started from is no longer in force."""

    code = "change_superseded"
    detail = "What it would change was changed in the meantime; ask for it again."


class ReasonMissing(Invalid):
    """Stopping, starting and closing things takes a reason that others can read."""

    code = "reason_missing"
    detail = "Say why, in up to 500 characters."


class LastUnlocker(Conflict):
    """The platform must not lock the last person who could unlock anything."""

    code = "last_unlocker"
    detail = "Nobody else could release it again; a person must decide."


class TargetRefused(Invalid):
    """A lock on everything with a target would stop nothing; so would others without.

    Its own code says what to do for a person who locks in a hurry.
    """

    code = "target_refused"
    detail = "A lock on everything takes no target; any other lock needs one."


class NotLocked(Conflict):
    """There is no live lock to release."""

    code = "not_locked"
    detail = "This is not locked."


class TransitionRefused(Conflict):
    """An incident, alert or review is not in a state from which this is possible."""

    code = "transition_refused"
    detail = "Its present state does not allow this."
