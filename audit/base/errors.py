"""The base of all domain errors, and those that every app raises."""

from __future__ import annotations


class DomainError(Exception):
    """A use case refused. Carries data, knows no HTTP (platform_site/errors.py does).

    `code` is stable and documented; `detail` is a sentence for the caller.
    """

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


class SensitiveDataRefused(DomainError):
    """A value that must never be stored at all, such as a card's security code."""

    code = "sensitive_data_refused"
    detail = "A card security code must not be sent; it can never be stored."


class NameRefused(DomainError):
    """A name that would not be read as it is stored."""

    code = "name_refused"
    detail = "A name has no control or invisible characters, nor spaces around it."


class TextRefused(DomainError):
    """A text that would not be read as it is stored."""

    code = "text_refused"
    detail = "A text has no control, bidirectional or invisible characters."


class NotFound(DomainError):
    """No such thing, or none that the caller may know of: the same answer."""

    code = "not_found"
    detail = "There is no such thing, or it is not yours to see."


class NotPermitted(DomainError):
    """The caller may see the thing, and may not do this to it."""

    code = "permission_denied"
    detail = "You may not do this."
