"""The base of all domain errors, and those that every app raises."""

from __future__ import annotations


class DomainError(Exception):
    """A use case refused. Its kind carries the HTTP status.

    `code` is stable and documented; `detail` is a sentence for the caller.
    """

    status = 500
    code = "domain_error"
    detail = "The request was refused."
    # A page that raises it cannot go on: the person is sent elsewhere first.
    ends_page = False

    def __init__(
        self, detail: str | None = None, *, pointer: str | None = None
    ) -> None:
        self.detail = detail or self.detail
        self.pointer = pointer
        super().__init__(self.detail)


class Invalid(DomainError):
    """The request itself is wrong; the same request is refused again."""

    status = 400


class Unauthenticated(DomainError):
    """The caller did not prove who it is."""

    status = 401


class Forbidden(DomainError):
    """The caller may not do this."""

    status = 403


class Conflict(DomainError):
    """The present state does not allow this."""

    status = 409


class PreconditionFailed(DomainError):
    """The caller's If-Match is missing, or names another state."""

    status = 412


class TooMany(DomainError):
    """The caller must wait."""

    status = 429


class Unavailable(DomainError):
    """A part of the platform cannot answer now."""

    status = 503


class SensitiveDataRefused(Invalid):
    """A value that must never be stored at all, such as a card's security code."""

    code = "sensitive_data_refused"
    detail = "A card security code must not be sent; it can never be stored."


class NameRefused(Invalid):
    """A name that would not be read as it is stored."""

    code = "name_refused"
    detail = "A name has no control or invisible characters, nor spaces around it."


class TextRefused(Invalid):
    """A text that would not be read as it is stored."""

    code = "text_refused"
    detail = "A text has no control, bidirectional or invisible characters."


class NotFound(DomainError):
    """No such thing, or none that the caller may know of: the same answer."""

    status = 404
    code = "not_found"
    detail = "There is no such thing, or it is not yours to see."


class NotPermitted(Forbidden):
    """The caller may see the thing, and may not do this to it."""

    code = "permission_denied"
    detail = "You may not do this."
