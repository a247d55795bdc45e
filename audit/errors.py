"""Errors of the audit log."""

from __future__ import annotations

from audit.base.errors import Conflict, Unavailable


class NotSealedYet(Conflict):
    """No checkpoint covers it so far; one will within a minute."""

    code = "not_sealed_yet"
    detail = "No checkpoint covers this yet. Ask again in a minute."


class FilterRefused(Conflict):
    """A filter of the log that cannot be kept as it is."""

    code = "filter_refused"
    detail = "This filter cannot be saved."


class RetirementRefused(Conflict):
    """Months of the log that must stay, or a role that cannot remove them."""

    code = "retirement_refused"
    detail = "These months of the log cannot be retired."


class LogDamaged(Unavailable):
    """The sealed log lacks a hash that it must have."""

    code = "audit_log_damaged"
    detail = "The audit log's seal is incomplete; run `manage.py verify_audit`."
