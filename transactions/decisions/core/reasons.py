"""The closed list of reason codes; docs/reason-codes.md explains each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from audit.base.core.amounts import spoken_text
from transactions.decisions.core.outcome import Outcome

MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "allowed_by_policy": "Every check passed under the policy in force.",
        # Standing: may this agent make requests at all?
        "no_policy": "The agent has no policy, so nothing is allowed.",
        "agent_inactive": "The agent is deactivated.",
        "owner_inactive": "The agent's owner is deactivated.",
        "credential_revoked": "The credential that asked is revoked or has expired.",
        "resource_locked": "A security lock is in force: {kinds}.",
        # Amount.
        "currency_mismatch": "The policy is in {policy_currency}, not {currency}.",
        "amount_above_maximum": "{amount} is above the maximum of {limit}.",
        "amount_requires_approval": "{amount} is above {limit}, so a human decides.",
        "daily_budget_exceeded": "{amount} exceeds what is left today: {available}.",
        "amount_limit_exceeded": (
            "{amount} exceeds what may still be spent {period}: {available}."
        ),
        "count_limit_exceeded": "{count} transactions {period}, {limit} permitted.",
        "shared_budget_exceeded": (
            "{amount} exceeds what is left of the {budget} budget: {available}."
        ),
        # Merchant.
        "merchant_not_allowed": "{merchant} is not an allowed merchant.",
        "merchant_new": "The agent was never allowed at {merchant}: a human decides.",
        "merchant_lookalike": "{merchant} can be taken for {other}.",
        "category_blocked": "The category {category} is blocked.",
        "category_missing": "The policy blocks categories, so one must be given.",
        "category_unknown": "The category {category} is not known.",
        "category_taken_as_other": (
            "The category {category} is not known, so it counts as other."
        ),
        "country_missing": "The policy limits countries, so one must be given.",
        "country_not_allowed": "{country} is not an allowed country.",
        "country_blocked": "The country {country} is blocked.",
        "mcc_missing": "The policy blocks category codes, so one must be given.",
        "mcc_blocked": "The merchant category code {mcc} is blocked.",
        # Frequency.
        "outside_hours": "It is {time} in {zone}, outside of the allowed hours.",
        "frequency_exceeded": "{count} requests in the last hour, {limit} permitted.",
        "too_many_waiting": "{count} requests wait for a human already.",
        # Pattern.
        "repeated_request": "The same amount at the same merchant moments ago.",
        "near_duplicate": "Nearly the same as {amount} at {merchant} moments ago.",
        "approval_limit_split": (
            "With amounts just below it, {total} in an hour passes {limit}."
        ),
        "description_suspicious": "The description reads like an instruction.",
        # Risk.
        "risk_elevated": "The risk score of {score} is above {limit}.",
        "risk_high": "The risk score of {score} is above {limit}.",
        # Function calls.
        "function_unknown": "No function of that name is registered.",
        "function_disabled": "The function is disabled.",
        "function_not_allowed": "The policy does not allow this function.",
        "effect_not_governed": (
            "A function with the effect {effect} must be named in the policy."
        ),
        "parameters_invalid": "The parameters do not fit the function's schema.",
        # A check raised an exception.
        "check_failed": "The {check} check could not be completed.",
    }
)

# Notes say how a request was interpreted. They cause no outcome and occur with any.
NOTES = frozenset({"category_taken_as_other"})


def is_reason(code: str, outcome: str, decided: str) -> bool:
    """Return whether a finding is a reason of the decision: a cause or a note."""
    return outcome == decided or code in NOTES


@dataclass(frozen=True, slots=True)
class Finding:
    """A result of a check; `values` fill the message of its code."""

    check: str
    code: str
    outcome: Outcome
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def message(self) -> str:
        return MESSAGES[self.code].format_map(self.values)

    @property
    def spoken(self) -> str:
        """The message with amounts formatted for people."""
        values = {name: spoken_text(value) for name, value in self.values.items()}
        return MESSAGES[self.code].format_map(values)

    def as_json(self) -> dict[str, object]:
        """Return the finding as the decision's record stores it."""
        return {
            "check": self.check,
            "code": self.code,
            "outcome": self.outcome.value,
            "message": self.message,
            "values": dict(self.values),
        }

    def as_reason(self) -> dict[str, str]:
        """Return the code and message, as the API shows them."""
        return {"code": self.code, "message": self.message}
