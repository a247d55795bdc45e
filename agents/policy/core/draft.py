"""Reading a policy that somebody wrote: all that is wrong with it, or its terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.policy.core.reader import FieldError, Reader
from agents.policy.core.terms import TERMS, PolicyTerms, wire_name
from audit.base.errors import Invalid

# Obligatory, so that nothing is allowed because somebody forgot to mention it.
REQUIRED = tuple(wire_name(name) for name, term in TERMS.items() if term.is_required)
OPTIONAL = tuple(
    wire_name(name) for name, term in TERMS.items() if not term.is_required
)


class PolicyInvalid(Invalid):
    """A draft policy with everything that is wrong with it, not only the first."""

    code = "policy_invalid"
    detail = "The policy is not valid; see the errors."

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__()


def parse_terms(draft: Mapping[str, object]) -> PolicyTerms:
    """Return the terms that a draft in wire form sets, or all that is wrong with it.

    Amounts are decimal texts or JSON numbers in `currency` (USD unless given).
    Raises PolicyInvalid. Source: Security Considerations, "Agent Permissions".
    """
    reader = Reader(draft, required=REQUIRED, optional=OPTIONAL)
    for name, term in TERMS.items():
        default = None if term.is_required else term.default
        reader.terms[name] = term.kind.read(reader, wire_name(name), default)
    _compare(reader)
    if reader.errors:
        raise PolicyInvalid(reader.errors)
    read = PolicyTerms(**reader.terms)
    if len({limit.identity for limit in read.all_limits}) < len(read.all_limits):
        reader.refuse("/daily_budget", "duplicate", "A limit says the same; write one.")
        raise PolicyInvalid(reader.errors)
    return read


def _compare(reader: Reader) -> None:
    """Refuse terms that contradict others."""
    terms = reader.terms
    approval = terms["requires_approval_above_minor"]
    maximum = terms["max_transaction_amount_minor"]
    if maximum is not None and approval is not None and approval > maximum:
        reader.refuse(
            "/requires_approval_above",
            "above_maximum",
            "The amount that needs approval is above the maximum.",
        )
    expires = terms["approval_expires_after_minutes"]
    escalates = terms["approval_escalates_after_minutes"]
    if escalates is not None and expires is not None and escalates >= expires:
        reader.refuse(
            "/approval_escalates_after_minutes",
            "not_before_expiry",
            "Escalate before the request expires.",
        )
